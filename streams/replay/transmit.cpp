#include "streams/replay/transmit.hpp"

#include <cmath>
#include <thread>

#include "streams/codec/codec.hpp"
#include "streams/recordings/mapped_file.hpp"

namespace bragglive {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

class Transmission {
 public:
  Transmission(FrameSink& sink, const TransmitOptions& options) : sink_(sink), options_(options) {}

  Expected<void> start(ScanStart start) {
    source_encoding_ = start.encoding;
    start.encoding = options_.encoding.value_or(start.encoding);
    start.series_id = options_.series_id;
    if (options_.max_frames != 0) start.expected_frames = std::min(expected_of(start), options_.max_frames);
    start_ = start;
    pixels_.resize(start.frame.pixels() * bytes_per_pixel(start.pixel));
    auto sent = sink_.start(start);
    began_ = Clock::now();
    return sent;
  }

  Expected<void> frame(FrameMessage frame) {
    frame.series_id = options_.series_id;
    if (start_.encoding != source_encoding_) {
      auto payload = recoded(frame.payload);
      if (!payload) return count_damaged();
      frame.payload = std::move(*payload);
    }
    wait_for_turn();
    frame.timestamp_ns = now_ns();
    if (auto sent = sink_.frame(std::move(frame)); !sent) return sent;
    ++result_.frames;
    return {};
  }

  Expected<void> count_damaged() {
    ++result_.damaged;
    return {};
  }

  Expected<Transmitted> end() {
    result_.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    if (auto sent = sink_.end({options_.series_id, result_.frames}); !sent)
      return tl::unexpected(sent.error());
    return result_;
  }

  bool enough() const {
    if (options_.max_frames != 0 && result_.frames >= options_.max_frames) return true;
    return options_.go_on && !options_.go_on(result_.frames, expected_of(start_));
  }

 private:
  static std::uint64_t expected_of(const ScanStart& start) {
    return start.expected_frames != 0 ? start.expected_frames : start.scan.positions();
  }

  // Fast frames go out together, some every millisecond: to wake for each would cost more than to send it.
  void wait_for_turn() const {
    if (options_.rate_hz <= 0) return;
    constexpr double k_tick_s = 1e-3;
    double due_s = static_cast<double>(result_.frames) / options_.rate_hz;
    if (options_.rate_hz * k_tick_s > 1) due_s = std::ceil(due_s / k_tick_s) * k_tick_s;
    std::this_thread::sleep_until(
        began_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(due_s)));
  }

  Expected<Payload> recoded(const Payload& payload) {
    if (auto decoded = decode_payload(source_encoding_, start_.frame, start_.pixel, payload.bytes(), pixels_);
        !decoded)
      return tl::unexpected(decoded.error());
    std::vector<std::byte> packed;
    if (auto encoded = encode_payload(start_.encoding, start_.frame, start_.pixel, pixels_, packed); !encoded)
      return tl::unexpected(encoded.error());
    return own(std::move(packed));
  }

  FrameSink& sink_;
  const TransmitOptions& options_;
  ScanStart start_;
  Encoding source_encoding_ = Encoding::none;
  std::vector<std::byte> pixels_;
  Clock::time_point began_;
  Transmitted result_;
};

}  // namespace

Expected<Transmitted> transmit(FrameSource& source, FrameSink& sink, const TransmitOptions& options) {
  Transmission transmission(sink, options);
  bool started = false;
  for (;;) {
    SourceEvent event = source.next(std::chrono::milliseconds(100));
    Expected<void> done;
    if (auto* start = std::get_if<ScanStart>(&event)) {
      if (started) return transmission.end();  // a live source goes on with its next scan
      started = true;
      done = transmission.start(std::move(*start));
    } else if (auto* frame = std::get_if<FrameMessage>(&event); frame && started) {
      if (frame->scan_index != k_no_position) done = transmission.frame(std::move(*frame));
    } else if (std::holds_alternative<BadMessage>(event)) {
      done = transmission.count_damaged();
    } else if ((std::holds_alternative<ScanEnd>(event) && started) ||
               std::holds_alternative<EndOfSource>(event)) {
      if (!started) return fail(ErrorArea::format, "{} holds no scan", source.description());
      return transmission.end();
    }
    if (!done) return tl::unexpected(done.error());
    if (started && transmission.enough()) return transmission.end();
  }
}

}  // namespace bragglive
