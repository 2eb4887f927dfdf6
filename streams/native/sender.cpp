#include "streams/native/sender.hpp"

#include "streams/native/wire.hpp"
#include "streams/zmq/message_writer.hpp"

namespace bragglive::native {
namespace {

constexpr std::chrono::seconds k_repeat_period{1};

class Sender final : public FrameSink {
 public:
  Sender(std::unique_ptr<MessageWriter> writer, std::string description)
      : writer_(std::move(writer)), description_(std::move(description)) {}

  Expected<void> start(const ScanStart& start) override {
    if (auto ready = writer_->wait_for_receiver(); !ready) return ready;
    started_ = start;
    return send_start(false);
  }

  Expected<void> frame(FrameMessage frame) override {
    const bool started = started_.scan.positions() != 0;
    if (started && std::chrono::steady_clock::now() - last_start_ > k_repeat_period)
      if (auto sent = send_start(true); !sent) return sent;
    const FrameHeader header{frame.series_id, frame.frame_number, frame.scan_index, frame.timestamp_ns};
    if (auto sent = writer_->send(pack(header), true); !sent) return sent;
    return writer_->send(std::move(frame.payload), false);
  }

  Expected<void> end(const ScanEnd& end) override { return writer_->send_farewell(pack(end)); }

  Expected<void> garbage(std::span<const std::byte> bytes) override {
    return writer_->send(std::vector<std::byte>(bytes.begin(), bytes.end()), false);
  }

  std::string description() const override { return description_; }

 private:
  Expected<void> send_start(bool repeat) {
    last_start_ = std::chrono::steady_clock::now();
    return writer_->send(pack(StartHeader{started_, repeat}), false);
  }

  std::unique_ptr<MessageWriter> writer_;
  const std::string description_;
  ScanStart started_;
  std::chrono::steady_clock::time_point last_start_{};
};

}  // namespace

Expected<std::unique_ptr<FrameSink>> open_sender(const std::string& uri, const SinkOptions& options) {
  auto endpoint = parse_endpoint(uri);
  if (!endpoint) return tl::unexpected(endpoint.error());
  WriterOptions writer_options;
  writer_options.patience = options.patience;
  if (endpoint->socket.empty() || endpoint->socket == "push") {
    writer_options.kind = zmq::socket_type::push;
  } else if (endpoint->socket == "pub") {
    writer_options.kind = zmq::socket_type::xpub;
  } else {
    return fail(ErrorArea::usage, "a native sender's socket is 'push' or 'pub', not '{}'", endpoint->socket);
  }
  auto writer = MessageWriter::open(*endpoint, writer_options);
  if (!writer) return tl::unexpected(writer.error());
  std::string description =
      fmt::format("native stream {} {}", (*writer)->bound() ? "bound at" : "to", endpoint->address);
  return std::make_unique<Sender>(std::move(*writer), std::move(description));
}

}  // namespace bragglive::native
