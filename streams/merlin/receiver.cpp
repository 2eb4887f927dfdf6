#include "streams/merlin/receiver.hpp"

#include "streams/event_queue.hpp"
#include "streams/merlin/frame_header.hpp"
#include "streams/merlin/mpx_reader.hpp"
#include "streams/merlin/pixels.hpp"
#include "streams/recordings/mapped_file.hpp"

namespace bragglive::merlin {
namespace {

class Receiver final : public FrameSource {
 public:
  Receiver(TcpAddress address, const SourceOptions& options)
      : description_(fmt::format("Merlin at {}:{}", address.host, address.port)),
        reader_(std::move(address)),
        options_(options) {}

  SourceEvent next(std::chrono::milliseconds timeout) override {
    const Deadline deadline = std::chrono::steady_clock::now() + timeout;
    while (events_.empty()) {
      const bool whole = reader_.read(deadline);
      if (const auto garbage = reader_.take_garbage())
        events_.bad(ErrorArea::format,
                    fmt::format("{} bytes that are no Merlin message were skipped", garbage), std::nullopt);
      if (reader_.take_losses() != 0 && options_.log)
        options_.log(LogLevel::warning, description_ + " closed the connection");
      if (whole)
        understand(reader_.message());
      else if (events_.empty())
        return Idle{};
    }
    return events_.pop();
  }

  bool live() const override { return true; }
  std::string description() const override { return description_; }

 private:
  void understand(std::span<const std::byte> message) {
    const std::string_view text(reinterpret_cast<const char*>(message.data()), message.size());
    if (text.starts_with("HDR,")) {
      acquisition_ = parse_acquisition_header(text);
      scan_.reset();
    } else if (text.starts_with("MQ1,")) {
      on_frame(message);
    } else {
      events_.bad(ErrorArea::format,
                  fmt::format("a Merlin message of {} bytes of an unknown kind", message.size()),
                  std::nullopt);
    }
  }

  bool begin(const FrameHeader& header) {
    const std::uint64_t announced = acquisition_ ? acquisition_->frames() : 0;
    if (!options_.scan && (announced == 0 || announced > k_max_scan_positions)) {
      events_.bad(
          ErrorArea::format,
          acquisition_
              ? "the acquisition has no fixed number of frames: give --scan ROWSxCOLS"
              : "frames came before the acquisition's header: start the receiver before the acquisition, or "
                "give --scan ROWSxCOLS",
          header.sequence - 1);
      return false;
    }
    ScanStart start;
    start.series_id = ++series_;
    start.scan = ScanShape{1, static_cast<std::uint32_t>(announced)};
    if (acquisition_) start.scan = acquisition_->scan().value_or(start.scan);
    start.scan = options_.scan.value_or(start.scan);
    start.frame = header.frame_shape();
    start.pixel = header.pixel_type();
    start.expected_frames = announced;
    if (acquisition_) start.metadata = acquisition_->fields;
    announced_ = announced;
    scan_ = start;
    events_.add(std::move(start));
    return true;
  }

  void on_frame(std::span<const std::byte> message) {
    const auto header = parse_frame_header(message);
    if (!header) return events_.bad(ErrorArea::format, header.error().message, std::nullopt);
    if (header->sequence == 0)
      return events_.bad(ErrorArea::format, "a Merlin frame without a number (they count from 1)",
                         std::nullopt);
    const std::uint64_t index = header->sequence - 1;
    if (message.size() < header->offset || message.size() - header->offset != header->payload_bytes())
      return events_.bad(ErrorArea::shape,
                         fmt::format("frame {} has {} bytes, its header says {} + {}", index, message.size(),
                                     header->offset, header->payload_bytes()),
                         index);
    if (!scan_ && !begin(*header)) return;
    if (header->frame_shape() != scan_->frame || header->pixel_type() != scan_->pixel)
      return events_.bad(ErrorArea::shape,
                         fmt::format("frame {} has another size or type than the first", index), index);
    std::vector<std::byte> pixels(scan_->frame.pixels() * bytes_per_pixel(scan_->pixel));
    to_pixels(*header, message.subspan(header->offset), pixels);
    FrameMessage frame;
    frame.series_id = scan_->series_id;
    frame.frame_number = frame.scan_index = index;
    frame.payload = own(std::move(pixels));
    events_.add(std::move(frame));
    if (announced_ == 0 || index + 1 < announced_) return;
    events_.add(ScanEnd{scan_->series_id, 0});
    scan_.reset();
    acquisition_.reset();
  }

  const std::string description_;
  MpxReader reader_;
  const SourceOptions options_;
  EventQueue events_;
  std::optional<AcquisitionHeader> acquisition_;
  std::optional<ScanStart> scan_;
  std::uint64_t series_ = 0, announced_ = 0;  // scans so far; frames of this one, 0 = not said
};

}  // namespace

Expected<std::unique_ptr<FrameSource>> open_receiver(const std::string& uri, const SourceOptions& options) {
  auto address = parse_tcp_address(uri);
  if (!address) return tl::unexpected(address.error());
  return std::make_unique<Receiver>(std::move(*address), options);
}

}  // namespace bragglive::merlin
