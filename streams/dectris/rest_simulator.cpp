#include "streams/dectris/rest_simulator.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <thread>

#include "streams/http/http_reply.hpp"
#include "streams/tcp/tcp_socket.hpp"

namespace bragglive::dectris {
namespace {

constexpr std::chrono::milliseconds k_look_every{100};  // whether to stop
constexpr std::chrono::seconds k_patience{1};           // with a client

// Answers by path. Thread-safe.
class Answers {
 public:
  void set(const std::string& path, const std::string& value) {
    put(path, fmt::format("\"{}\"", value), "string");
  }
  void set(const std::string& path, std::uint64_t value) { put(path, fmt::format("{}", value), "uint"); }
  std::optional<std::string> find(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = bodies_.find(path);
    return found == bodies_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  void put(const std::string& path, const std::string& value, const char* type) {
    const std::lock_guard lock(mutex_);
    bodies_[path] = fmt::format(R"({{"value": {}, "value_type": "{}", "access_mode": "r"}})", value, type);
  }
  mutable std::mutex mutex_;
  std::map<std::string, std::string> bodies_;
};

class Server {
 public:
  explicit Server(TcpSocket listener) : listener_(std::move(listener)) {
    thread_ = std::jthread([this](std::stop_token stop) {
      while (!stop.stop_requested())
        if (auto client = listener_.accept(std::chrono::steady_clock::now() + k_look_every)) serve(*client);
    });
  }
  Answers& answers() { return answers_; }

 private:
  void serve(const TcpSocket& client) const {
    const Deadline deadline = std::chrono::steady_clock::now() + k_patience;
    std::string bytes;
    std::array<std::byte, 4096> piece;
    for (;;) {
      const auto path = parse_http_get(bytes);
      if (!path) return;
      if (*path) return reply(client, answers_.find(**path), deadline);
      const auto got = client.receive(piece, deadline);
      if (!got || *got == 0) return;
      bytes.append(reinterpret_cast<const char*>(piece.data()), *got);
    }
  }

  static void reply(const TcpSocket& client, const std::optional<std::string>& body, Deadline deadline) {
    const std::string text = fmt::format(
        "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        body ? "200 OK" : "404 Not Found", body ? body->size() : 0, body.value_or(""));
    static_cast<void>(client.send_all(std::as_bytes(std::span(text)), deadline));
  }

  TcpSocket listener_;
  Answers answers_;
  std::jthread thread_;  // last: it uses all of the above
};

class SinkWithRest final : public FrameSink {
 public:
  SinkWithRest(std::unique_ptr<FrameSink> sink, TcpSocket listener, bool version2)
      : sink_(std::move(sink)), server_(std::move(listener)) {
    Answers& answers = server_.answers();
    answers.set("/detector/api/version", "1.8.0");
    set("config/description", "bragglive simulated DECTRIS detector");
    set("status/state", "idle");
    answers.set("/stream/api/1.8.0/config/mode", "enabled");
    answers.set("/stream/api/1.8.0/config/format", version2 ? "cbor" : "legacy");
    answers.set("/stream/api/1.8.0/config/header_detail", "all");
    answers.set("/stream/api/1.8.0/status/state", "ready");
    answers.set("/stream/api/1.8.0/status/dropped", 0);
  }

  Expected<void> start(const ScanStart& start) override {
    const std::uint64_t frames = start.expected_frames != 0 ? start.expected_frames : start.scan.positions();
    set("config/x_pixels_in_detector", start.frame.cols);
    set("config/y_pixels_in_detector", start.frame.rows);
    set("config/bit_depth_image", 8 * bytes_per_pixel(start.pixel));
    set("config/trigger_mode", "exts");
    set("config/nimages", frames);
    set("config/ntrigger", 1);
    set("status/state", "acquire");
    sent_ = behind_ = 0;
    tell_dropped();
    return sink_->start(start);
  }

  Expected<void> frame(FrameMessage frame) override {
    behind_ = std::max(behind_, frame.scan_index + 1);
    ++sent_;
    tell_dropped();
    return sink_->frame(std::move(frame));
  }

  Expected<void> end(const ScanEnd& end) override {
    set("status/state", "idle");
    return sink_->end(end);
  }

  Expected<void> garbage(std::span<const std::byte> bytes) override { return sink_->garbage(bytes); }
  std::string description() const override { return sink_->description() + " with REST"; }

 private:
  template <class Value>
  void set(const char* key, const Value& value) {
    server_.answers().set(std::string("/detector/api/1.8.0/") + key, value);
  }
  void tell_dropped() {
    const std::uint64_t dropped = behind_ - std::min(sent_, behind_);
    if (dropped == told_) return;
    told_ = dropped;
    server_.answers().set("/stream/api/1.8.0/status/dropped", dropped);
  }

  const std::unique_ptr<FrameSink> sink_;
  Server server_;
  std::uint64_t sent_ = 0, behind_ = 0, told_ = 0;
};

}  // namespace

Expected<std::unique_ptr<FrameSink>> with_rest(std::unique_ptr<FrameSink> sink, std::uint16_t port,
                                               bool version2) {
  auto listener = TcpSocket::listen({"*", port});
  if (!listener) return tl::unexpected(listener.error());
  return std::make_unique<SinkWithRest>(std::move(sink), std::move(*listener), version2);
}

}  // namespace bragglive::dectris
