// The counted stream as a source and as a sink.
#include <cstring>

#include "streams/codec/byte_order.hpp"
#include "streams/event_queue.hpp"
#include "streams/ncem/counted_batch.hpp"
#include "streams/ncem/ncem.hpp"
#include "streams/ncem/open_reader.hpp"
#include "streams/recordings/counted.hpp"
#include "streams/recordings/mapped_file.hpp"
#include "streams/zmq/message_writer.hpp"

namespace bragglive::ncem {
namespace {

constexpr std::size_t k_batch_frames = 16;             // that the simulated pipeline sends together
constexpr std::uint64_t k_most_electrons = 1'000'000;  // of a frame that is sent

class CountedReceiver final : public FrameSource {
 public:
  CountedReceiver(std::unique_ptr<MessageReader> reader, const SourceOptions& options,
                  std::string description)
      : reader_(std::move(reader)), options_(options), description_(std::move(description)) {}

  SourceEvent next(std::chrono::milliseconds timeout) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (events_.empty()) {
      const auto now = std::chrono::steady_clock::now();
      if (!reader_->read(std::chrono::ceil<std::chrono::milliseconds>(deadline - now))) return Idle{};
      const auto batch = parse_counted(reader_->part(reader_->parts() - 1));
      if (!batch)
        events_.bad(batch.error().area, batch.error().message, std::nullopt);
      else
        for (const CountedFrame& frame : batch->frames) on(frame, batch->total_frames);
    }
    return events_.pop();
  }
  bool live() const override { return true; }
  std::string description() const override { return description_; }

 private:
  void on(const CountedFrame& counted, std::uint64_t total_frames) {
    FrameMessage frame;
    frame.series_id = counted.scan_number;
    frame.frame_number = frame.scan_index = std::uint64_t{counted.row} * counted.scan.cols + counted.col;
    if (scan_ && counted.scan_number < scan_->series_id)
      return events_.add(std::move(frame));  // left from before
    if (!scan_ || counted.scan_number != scan_->series_id) begin(counted, total_frames);
    if (counted.frame != scan_->frame) {
      events_.bad(ErrorArea::shape,
                  fmt::format("frame {} has another size than the first", frame.frame_number),
                  frame.scan_index, frame.series_id);
    } else if (auto pixels = pixels_of(counted)) {
      frame.payload = own(std::move(*pixels));
      events_.add(std::move(frame));
    } else {
      events_.bad(ErrorArea::format,
                  fmt::format("frame {} has electrons outside its {}x{} pixels", frame.frame_number,
                              counted.frame.rows, counted.frame.cols),
                  frame.scan_index, frame.series_id);
    }
    if (++frames_ != scan_->expected_frames) return;
    events_.add(ScanEnd{scan_->series_id, frames_});
  }

  void begin(const CountedFrame& counted, std::uint64_t total_frames) {
    ScanStart start;
    start.series_id = counted.scan_number;
    start.scan = options_.scan.value_or(counted.scan);
    start.frame = counted.frame;
    start.pixel = PixelType::u16;
    start.expected_frames = total_frames != 0 ? total_frames : counted.scan.positions();
    frames_ = 0;
    scan_ = start;
    events_.add(std::move(start));
  }

  std::optional<std::vector<std::byte>> pixels_of(const CountedFrame& counted) {
    indices_.resize(counted.electrons.size() / 4);
    for (std::size_t i = 0; i < indices_.size(); ++i)
      indices_[i] = load_little<std::uint32_t>(counted.electrons.data() + 4 * i);
    pixels_.assign(counted.frame.pixels(), 0);
    if (!count_electrons(indices_, pixels_)) return std::nullopt;
    std::vector<std::byte> bytes(pixels_.size() * 2);
    std::memcpy(bytes.data(), pixels_.data(), bytes.size());
    return bytes;
  }

  const std::unique_ptr<MessageReader> reader_;
  const SourceOptions options_;
  const std::string description_;
  EventQueue events_;
  std::optional<ScanStart> scan_;
  std::uint64_t frames_ = 0;
  std::vector<std::uint32_t> indices_;
  std::vector<std::uint16_t> pixels_;
};

class CountedSender final : public FrameSink {
 public:
  CountedSender(std::unique_ptr<MessageWriter> writer, std::string description)
      : writer_(std::move(writer)), description_(std::move(description)) {}

  Expected<void> start(const ScanStart& start) override {
    if (start.pixel == PixelType::f32)
      return fail(ErrorArea::usage, "counted frames hold whole electrons, this source has float32 pixels");
    start_ = start;
    pixels_.resize(start.frame.pixels() * bytes_per_pixel(start.pixel));
    batches_ = 0;
    return writer_->wait_for_receiver();
  }

  Expected<void> frame(FrameMessage frame) override {
    if (auto decoded =
            decode_payload(start_.encoding, start_.frame, start_.pixel, frame.payload.bytes(), pixels_);
        !decoded)
      return decoded;
    auto electrons = electrons_of();
    if (!electrons)
      return fail(ErrorArea::usage, "frame {} has more than {} electrons: too many to be sent one by one",
                  frame.frame_number, k_most_electrons);
    waiting_.push_back({frame.series_id, frame.scan_index, std::move(*electrons)});
    return waiting_.size() < k_batch_frames ? Expected<void>{} : flush();
  }

  Expected<void> end(const ScanEnd&) override { return flush(); }
  Expected<void> garbage(std::span<const std::byte> bytes) override {
    return writer_->send(std::vector<std::byte>(bytes.begin(), bytes.end()), false);
  }
  std::string description() const override { return description_; }

 private:
  struct Counted {
    std::uint64_t series, index;
    std::vector<std::byte> electrons;
  };

  std::uint64_t value_at(std::size_t pixel) const {
    const std::byte* at = pixels_.data() + pixel * bytes_per_pixel(start_.pixel);
    if (start_.pixel == PixelType::u8) return std::to_integer<std::uint64_t>(*at);
    return start_.pixel == PixelType::u16 ? load_little<std::uint16_t>(at) : load_little<std::uint32_t>(at);
  }

  std::optional<std::vector<std::byte>> electrons_of() const {
    std::vector<std::byte> electrons;
    for (std::size_t pixel = 0; pixel < start_.frame.pixels(); ++pixel) {
      const std::uint64_t value = value_at(pixel);
      if (electrons.size() / 4 + value > k_most_electrons) return std::nullopt;
      const auto index = static_cast<std::uint32_t>(pixel);
      for (std::uint64_t i = 0; i < value; ++i)
        for (int byte = 0; byte < 4; ++byte)
          electrons.push_back(static_cast<std::byte>(index >> 8 * byte & 0xff));
    }
    return electrons;
  }

  Expected<void> flush() {
    if (waiting_.empty()) return {};
    CountedBatch batch;
    batch.total_frames = start_.expected_frames != 0 ? start_.expected_frames : start_.scan.positions();
    for (const Counted& counted : waiting_) {
      CountedFrame frame;
      frame.scan_number = counted.series;
      frame.scan = start_.scan;
      frame.row = static_cast<std::uint32_t>(counted.index / start_.scan.cols);
      frame.col = static_cast<std::uint32_t>(counted.index % start_.scan.cols);
      frame.frame = start_.frame;
      frame.electrons = counted.electrons;
      batch.frames.push_back(frame);
    }
    auto packed = pack_counted(batch, batches_++);
    waiting_.clear();
    return writer_->send(std::move(packed), false);
  }

  const std::unique_ptr<MessageWriter> writer_;
  const std::string description_;
  ScanStart start_;
  std::vector<std::byte> pixels_;
  std::vector<Counted> waiting_;
  std::uint64_t batches_ = 0;
};

}  // namespace

Expected<std::unique_ptr<FrameSource>> open_counted_receiver(const std::string& uri,
                                                             const SourceOptions& options) {
  auto reader = open_reader(uri);
  if (!reader) return tl::unexpected(reader.error());
  return std::make_unique<CountedReceiver>(std::move(*reader), options, "counted 4D Camera stream at " + uri);
}

Expected<std::unique_ptr<FrameSink>> open_counted_sender(const std::string& uri, const SinkOptions& options) {
  auto writer = MessageWriter::open(uri, WriterOptions{.patience = options.patience});
  if (!writer) return tl::unexpected(writer.error());
  std::string description = "counted 4D Camera stream at " + (*writer)->address();
  return std::make_unique<CountedSender>(std::move(*writer), std::move(description));
}

}  // namespace bragglive::ncem
