#include "streams/ncem/ncem.hpp"

#include "streams/ncem/open_reader.hpp"
#include "streams/ncem/sector_assembler.hpp"
#include "streams/zmq/message_reader.hpp"
#include "streams/zmq/message_writer.hpp"

namespace bragglive::ncem {
namespace {

class Receiver final : public FrameSource {
 public:
  Receiver(std::unique_ptr<MessageReader> reader, const SourceOptions& options, SectorLayout layout,
           std::string description)
      : reader_(std::move(reader)), assembler_(options, layout), description_(std::move(description)) {}

  SourceEvent next(std::chrono::milliseconds timeout) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (assembler_.empty()) {
      const auto now = std::chrono::steady_clock::now();
      if (reader_->read(std::chrono::ceil<std::chrono::milliseconds>(deadline - now))) {
        assembler_.on(reader_->part(0), reader_->part(1), now);
        continue;
      }
      assembler_.on_silence(std::chrono::steady_clock::now());
      if (assembler_.empty()) return Idle{};
    }
    return assembler_.pop();
  }

  bool live() const override { return true; }
  std::string description() const override { return description_; }

 private:
  std::unique_ptr<MessageReader> reader_;
  SectorAssembler assembler_;
  const std::string description_;
};

class Sender final : public FrameSink {
 public:
  Sender(std::unique_ptr<MessageWriter> writer, SectorLayout layout, std::string description)
      : writer_(std::move(writer)), layout_(layout), description_(std::move(description)) {}

  Expected<void> start(const ScanStart& start) override {
    if (start.frame != FrameShape{k_side, k_side} || start.pixel != PixelType::u16)
      return fail(ErrorArea::usage, "the 4D Camera has {0}x{0} uint16 pixels, this source {1}x{2} {3}",
                  k_side, start.frame.rows, start.frame.cols, name_of(start.pixel));
    start_ = start;
    pixels_.resize(k_sectors * k_sector_bytes);
    return writer_->wait_for_receiver();
  }

  Expected<void> frame(FrameMessage frame) override {
    if (auto decoded =
            decode_payload(start_.encoding, start_.frame, start_.pixel, frame.payload.bytes(), pixels_);
        !decoded)
      return decoded;
    SectorHeader header;
    header.scan_number = frame.series_id;
    header.frame_number = frame.frame_number;
    header.cols = start_.scan.cols;
    header.rows = start_.scan.rows;
    header.col = static_cast<std::uint32_t>(frame.scan_index % start_.scan.cols);
    header.row = static_cast<std::uint32_t>(frame.scan_index / start_.scan.cols);
    for (header.module = 0; header.module < k_sectors; ++header.module) {
      if (auto sent = writer_->send(pack(header), true); !sent) return sent;
      if (auto sent = writer_->send(take_sector(layout_, header.module, pixels_), false); !sent) return sent;
    }
    return {};
  }

  Expected<void> end(const ScanEnd&) override { return {}; }  // the camera says nothing at the end
  Expected<void> garbage(std::span<const std::byte> bytes) override {
    return writer_->send(std::vector<std::byte>(bytes.begin(), bytes.end()), false);
  }
  std::string description() const override { return description_; }

 private:
  std::unique_ptr<MessageWriter> writer_;
  const SectorLayout layout_;
  const std::string description_;
  ScanStart start_;
  std::vector<std::byte> pixels_;
};

Expected<std::unique_ptr<FrameSource>> open_sectors(const std::string& uri, const SourceOptions& options,
                                                    SectorLayout layout) {
  auto reader = open_reader(uri);
  if (!reader) return tl::unexpected(reader.error());
  return std::make_unique<Receiver>(std::move(*reader), options, layout, "4D Camera at " + uri);
}

Expected<std::unique_ptr<FrameSink>> open_sector_sender(const std::string& uri, const SinkOptions& options,
                                                        SectorLayout layout) {
  auto writer = MessageWriter::open(uri, WriterOptions{.patience = options.patience});
  if (!writer) return tl::unexpected(writer.error());
  std::string description = "4D Camera at " + (*writer)->address();
  return std::make_unique<Sender>(std::move(*writer), layout, std::move(description));
}

}  // namespace

Expected<std::unique_ptr<MessageReader>> open_reader(const std::string& uri) {
  ReaderOptions reader_options;
  reader_options.hwm = 512;  // parts of 166 kB
  std::unique_ptr<MessageReader> reader;
  std::string_view rest = uri;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    auto endpoint = parse_endpoint(rest.substr(0, comma));
    if (!endpoint) return tl::unexpected(endpoint.error());
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (reader) {
      if (auto added = reader->add(*endpoint); !added) return tl::unexpected(added.error());
      continue;
    }
    auto opened = MessageReader::open(*endpoint, reader_options);
    if (!opened) return tl::unexpected(opened.error());
    reader = std::move(*opened);
  }
  return reader;
}

Expected<std::unique_ptr<FrameSource>> open_receiver(const std::string& uri, const SourceOptions& options) {
  return open_sectors(uri, options, SectorLayout::rows);
}

Expected<std::unique_ptr<FrameSource>> open_receiver4(const std::string& uri, const SourceOptions& options) {
  return open_sectors(uri, options, SectorLayout::columns);
}

Expected<std::unique_ptr<FrameSink>> open_sender(const std::string& uri, const SinkOptions& options) {
  return open_sector_sender(uri, options, SectorLayout::rows);
}

Expected<std::unique_ptr<FrameSink>> open_sender4(const std::string& uri, const SinkOptions& options) {
  return open_sector_sender(uri, options, SectorLayout::columns);
}

}  // namespace bragglive::ncem
