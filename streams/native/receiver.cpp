#include "streams/native/receiver.hpp"

#include <utility>

#include "streams/codec/codec.hpp"
#include "streams/native/wire.hpp"
#include "streams/zmq/endpoint.hpp"
#include "streams/zmq/message_reader.hpp"

namespace bragglive::native {
namespace {

constexpr int k_default_hwm = 2000;  // message parts; frames are two

class Receiver final : public FrameSource {
 public:
  Receiver(std::unique_ptr<MessageReader> reader, SourceOptions options, std::string description)
      : reader_(std::move(reader)), options_(std::move(options)), description_(std::move(description)) {}

  SourceEvent next(std::chrono::milliseconds timeout) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (!reader_->read(left)) return Idle{};
      if (auto event = understand()) return std::move(*event);
    }
  }

  bool live() const override { return true; }
  std::string description() const override { return description_; }

 private:
  // nullopt: a message that says nothing new.
  std::optional<SourceEvent> understand() {
    auto header = parser_.parse(reader_->part(0));
    // A header that is not understood does not say for certain whose it is: it takes no position.
    if (!header) return BadMessage{std::move(header.error().error)};
    if (auto* start = std::get_if<StartHeader>(&*header)) return on_start(std::move(*start));
    if (auto* frame = std::get_if<FrameHeader>(&*header)) return on_frame(*frame);
    return on_end(std::get<ScanEnd>(*header));
  }

  std::optional<SourceEvent> on_start(StartHeader header) {
    if (header.repeat && (series_ == header.start.series_id || ended_ == header.start.series_id))
      return std::nullopt;
    if (header.repeat && options_.log)
      options_.log(LogLevel::warning, "connected after the scan had begun: its first frames are missing");
    if (options_.scan) header.start.scan = *options_.scan;
    series_ = header.start.series_id;
    ended_.reset();
    frame_ = header.start.frame;
    pixel_ = header.start.pixel;
    encoding_ = header.start.encoding;
    return SourceEvent(std::move(header.start));
  }

  SourceEvent on_frame(const FrameHeader& header) {
    const auto bad = [&](ErrorArea area, std::string text) {
      return BadMessage{Error{area, std::move(text)}, header.scan_index, header.series_id};
    };
    if (reader_->parts() != 2)
      return bad(ErrorArea::format,
                 fmt::format("a frame message has {} parts instead of 2", reader_->parts()));
    if (!series_)
      return bad(
          ErrorArea::format,
          fmt::format("a frame of series {} came before any scan start; waiting for the next scan (or for "
                      "the sender to repeat the start)",
                      header.series_id));
    const std::size_t size = reader_->part(1).size();
    if (header.series_id == *series_) {
      const std::size_t most = max_payload_bytes(encoding_, frame_, pixel_);
      if (size > most || size == 0 || (encoding_ == Encoding::none && size != most))
        return bad(ErrorArea::shape,
                   fmt::format("frame {} has {} bytes; {}x{} {} pixels as '{}' have {}{}",
                               header.frame_number, size, frame_.rows, frame_.cols, name_of(pixel_),
                               name_of(encoding_), encoding_ == Encoding::none ? "" : "at most ", most));
    }
    FrameMessage message;
    message.series_id = header.series_id;
    message.frame_number = header.frame_number;
    message.scan_index = header.scan_index;
    message.timestamp_ns = header.timestamp_ns;
    message.payload = reader_->take(1);
    return message;
  }

  SourceEvent on_end(const ScanEnd& end) {
    if (series_ == end.series_id) ended_ = end.series_id;
    return end;
  }

  std::unique_ptr<MessageReader> reader_;
  const SourceOptions options_;
  const std::string description_;
  HeaderParser parser_;
  std::optional<std::uint64_t> series_, ended_;  // of the last start; ended_ when its end has come
  FrameShape frame_;
  PixelType pixel_ = PixelType::u16;
  Encoding encoding_ = Encoding::none;
};

}  // namespace

Expected<std::unique_ptr<FrameSource>> open_receiver(const std::string& uri, const SourceOptions& options) {
  auto endpoint = parse_endpoint(uri);
  if (!endpoint) return tl::unexpected(endpoint.error());
  ReaderOptions reader_options;
  if (endpoint->socket.empty() || endpoint->socket == "pull") {
    reader_options.kind = zmq::socket_type::pull;
  } else if (endpoint->socket == "sub") {
    reader_options.kind = zmq::socket_type::sub;
  } else {
    return fail(ErrorArea::usage, "a native receiver's socket is 'pull' or 'sub', not '{}'",
                endpoint->socket);
  }
  reader_options.hwm = k_default_hwm;
  auto reader = MessageReader::open(*endpoint, reader_options);
  if (!reader) return tl::unexpected(reader.error());
  return std::make_unique<Receiver>(std::move(*reader), options,
                                    fmt::format("native stream at {}", endpoint->address));
}

}  // namespace bragglive::native
