#include "streams/crystfel/crystfel.hpp"

#include <algorithm>

#include "streams/event_queue.hpp"
#include "streams/recordings/mapped_file.hpp"
#include "streams/zmq/message_reader.hpp"
#include "streams/zmq/message_writer.hpp"

namespace bragglive::crystfel {
namespace {

constexpr std::chrono::seconds k_ask_again{3};            // CrystFEL's own patience
constexpr std::chrono::milliseconds k_connect_again{20};  // while nobody is there to be asked
constexpr std::string_view k_topic = "ondaframedata";

class Receiver final : public FrameSource {
 public:
  Receiver(std::unique_ptr<MessageReader> reader, const SourceOptions& options, bool asks,
           std::string description)
      : reader_(std::move(reader)), options_(options), asks_(asks), description_(std::move(description)) {}

  SourceEvent next(std::chrono::milliseconds timeout) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (events_.empty()) {
      const auto now = std::chrono::steady_clock::now();
      if (!reader_->read(std::chrono::ceil<std::chrono::milliseconds>(ask(now, deadline) - now))) {
        if (std::chrono::steady_clock::now() >= deadline) return Idle{};
        continue;
      }
      asked_.reset();
      const auto bytes = reader_->part(std::min(reader_->parts(), MessageReader::k_max_parts) - 1);
      if (bytes.size() > k_keep_alive_bytes) understand(bytes);
    }
    return events_.pop();
  }

  bool live() const override { return true; }
  std::string description() const override { return description_; }

 private:
  using Time = std::chrono::steady_clock::time_point;
  // Asks for an image where that is due; until when to wait for one.
  Time ask(Time now, Time deadline) {
    if (!asks_) return deadline;
    if ((!asked_ || now - *asked_ >= k_ask_again) && reader_->request("next")) asked_ = now;
    return std::min(deadline, asked_ ? *asked_ + k_ask_again : now + k_connect_again);
  }

  void understand(std::span<const std::byte> bytes) {
    auto image = parse_image(bytes);
    if (!image) return events_.bad(image.error().area, std::move(image.error().message), std::nullopt);
    const std::uint64_t number = image->frame_number.value_or(next_number_);
    const bool another = image->series_id && scan_ && *image->series_id != scan_->series_id;
    if (another && *image->series_id < scan_->series_id) return;  // what was left of the one before
    if (!scan_ || another) begin(*image);
    if (image->frame != scan_->frame || image->pixel != scan_->pixel)
      return events_.bad(ErrorArea::shape,
                         fmt::format("image {} has another size or type than the first", number), number,
                         scan_->series_id);
    FrameMessage frame;
    frame.series_id = scan_->series_id;
    frame.frame_number = frame.scan_index = number;
    frame.payload = own(std::move(image->pixels));
    events_.add(std::move(frame));
    next_number_ = number + 1;
    if (next_number_ < frames_) return;
    events_.add(ScanEnd{scan_->series_id, 0});
    scan_.reset();
    next_number_ = 0;
  }

  void begin(const ImageMessage& image) {
    ScanStart start;
    start.series_id = series_ = image.series_id.value_or(series_ + 1);
    start.scan = *options_.scan;
    start.frame = image.frame;
    start.pixel = image.pixel;
    start.metadata = image.metadata;
    frames_ = options_.path.repeated ? ~std::uint64_t{0} : options_.path.frames(start.scan);
    next_number_ = 0;
    scan_ = start;
    events_.add(std::move(start));
  }

  const std::unique_ptr<MessageReader> reader_;
  const SourceOptions options_;
  const bool asks_;
  const std::string description_;
  EventQueue events_;
  std::optional<std::chrono::steady_clock::time_point> asked_;
  std::optional<ScanStart> scan_;
  std::uint64_t series_ = 0, next_number_ = 0, frames_ = 0;
};

class Sender final : public FrameSink {
 public:
  Sender(std::unique_ptr<MessageWriter> writer, std::string description)
      : writer_(std::move(writer)), description_(std::move(description)) {}

  Expected<void> start(const ScanStart& start) override {
    start_ = start;
    image_ = {};
    image_.frame = start.frame;
    image_.pixel = start.pixel;
    image_.series_id = start.series_id;
    image_.pixels.resize(start.frame.pixels() * bytes_per_pixel(start.pixel));
    image_.metadata = {{"source", "bragglive"}};
    return writer_->wait_for_receiver();
  }

  Expected<void> frame(FrameMessage frame) override {
    if (auto decoded =
            decode_payload(start_.encoding, start_.frame, start_.pixel, frame.payload.bytes(), image_.pixels);
        !decoded)
      return decoded;
    image_.series_id = frame.series_id;
    image_.frame_number = frame.scan_index;
    return send(pack_image(image_));
  }

  Expected<void> end(const ScanEnd&) override { return {}; }  // nothing is said at the end
  Expected<void> garbage(std::span<const std::byte> bytes) override {
    std::vector<std::byte> longer(bytes.begin(), bytes.end());
    longer.resize(longer.size() + k_keep_alive_bytes + 1);
    return send(std::move(longer));
  }
  std::string description() const override { return description_; }

 private:
  Expected<void> send(std::vector<std::byte> message) {
    const auto topic = std::as_bytes(std::span(k_topic));
    if (auto sent = writer_->send(std::vector<std::byte>(topic.begin(), topic.end()), true); !sent)
      return sent;
    return writer_->send(std::move(message), false);
  }

  const std::unique_ptr<MessageWriter> writer_;
  const std::string description_;
  ScanStart start_;
  ImageMessage image_;
};

}  // namespace

Expected<std::unique_ptr<FrameSource>> open_receiver(const std::string& uri, const SourceOptions& options) {
  auto endpoint = parse_endpoint(uri);
  if (!endpoint) return tl::unexpected(endpoint.error());
  if (!options.scan)
    return fail(ErrorArea::usage, "the CrystFEL stream knows nothing of scans: give --scan ROWSxCOLS");
  const bool asks = endpoint->socket == "req";
  if (!asks && !endpoint->socket.empty() && endpoint->socket != "sub")
    return fail(ErrorArea::usage, "a CrystFEL receiver's socket is 'sub' or 'req', not '{}'",
                endpoint->socket);
  ReaderOptions reader_options;
  reader_options.kind = asks ? zmq::socket_type::req : zmq::socket_type::sub;
  auto reader = MessageReader::open(*endpoint, reader_options);
  if (!reader) return tl::unexpected(reader.error());
  return std::make_unique<Receiver>(std::move(*reader), options, asks,
                                    "CrystFEL stream at " + endpoint->address);
}

Expected<std::unique_ptr<FrameSink>> open_sender(const std::string& uri, const SinkOptions& options) {
  auto endpoint = parse_endpoint(uri);
  if (!endpoint) return tl::unexpected(endpoint.error());
  if (!endpoint->socket.empty() && endpoint->socket != "pub")
    return fail(ErrorArea::usage, "a CrystFEL sender's socket is 'pub', not '{}'", endpoint->socket);
  WriterOptions writer_options;
  writer_options.kind = zmq::socket_type::xpub;
  writer_options.patience = options.patience;
  auto writer = MessageWriter::open(*endpoint, writer_options);
  if (!writer) return tl::unexpected(writer.error());
  return std::make_unique<Sender>(std::move(*writer), "CrystFEL stream at " + endpoint->address);
}

}  // namespace bragglive::crystfel
