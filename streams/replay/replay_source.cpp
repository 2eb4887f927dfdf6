#include "streams/replay/replay_source.hpp"

#include <thread>

#include "streams/codec/codec.hpp"
#include "streams/replay/read_ahead.hpp"

namespace bragglive {
namespace {

using Clock = std::chrono::steady_clock;

class ReplaySource final : public FrameSource {
 public:
  ReplaySource(std::unique_ptr<Recording> recording, std::string description, const SourceOptions& options)
      : recording_(std::move(recording)), description_(std::move(description)), options_(options) {}

  SourceEvent next(std::chrono::milliseconds timeout) override {
    const Clock::time_point deadline = Clock::now() + timeout;
    const RecordingInfo& info = recording_->info();
    if (!started_) return start();
    if (step_ < info.frames) return frame(deadline);
    if (!ended_) {
      ended_ = true;
      return ScanEnd{k_series, info.frames};
    }
    return EndOfSource{};
  }

  bool live() const override { return false; }
  std::string description() const override { return description_; }

  std::optional<std::vector<std::byte>> frame_again(std::uint64_t scan_index) const override {
    const RecordingInfo& info = recording_->info();
    if (scan_index >= info.frames) return std::nullopt;
    auto payload = recording_->read_again(scan_index);
    if (!payload) return std::nullopt;
    std::vector<std::byte> pixels(info.frame.pixels() * bytes_per_pixel(info.pixel));
    if (!decode_payload(info.encoding, info.frame, info.pixel, payload->bytes(), pixels)) return std::nullopt;
    return pixels;
  }

 private:
  static constexpr std::uint64_t k_series = 1;

  ScanStart start() {
    started_ = true;
    first_frame_ = Clock::now();
    const RecordingInfo& info = recording_->info();
    ahead_ = std::make_unique<ReadAhead>(*recording_, options_.follow_quiet);
    ScanStart start;
    start.series_id = k_series;
    start.scan = options_.scan.value_or(info.scan);
    start.frame = info.frame;
    start.pixel = info.pixel;
    start.encoding = info.encoding;
    start.expected_frames = info.frames;
    start.metadata = info.metadata;
    return start;
  }

  SourceEvent frame(Clock::time_point deadline) {
    if (!wait_for_turn(deadline)) return Idle{};
    std::optional<ReadAhead::Item> item = ahead_->take(deadline);
    if (!item) {
      if (ahead_->over()) end_early();
      return Idle{};
    }
    ++step_;
    if (!item->payload) return BadMessage{std::move(item->payload.error()), item->frame};
    FrameMessage message;
    message.series_id = k_series;
    message.frame_number = item->frame;
    message.scan_index = item->frame;
    message.payload = std::move(*item->payload);
    return message;
  }

  void end_early() {
    const std::uint64_t frames = recording_->info().frames;
    if (options_.log)
      options_.log(LogLevel::warning,
                   fmt::format("{} has not grown for {} s: {} of {} frames came", description_,
                               std::chrono::duration<double>(options_.follow_quiet).count(), step_, frames));
    step_ = frames;
  }

  bool wait_for_turn(Clock::time_point deadline) const {
    if (options_.rate_hz <= 0) return true;
    const auto due = first_frame_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                                        static_cast<double>(step_) / options_.rate_hz));
    if (due > Clock::now()) std::this_thread::sleep_until(std::min(due, deadline));
    return due <= deadline;
  }

  const std::unique_ptr<Recording> recording_;
  const std::string description_;
  const SourceOptions options_;
  std::unique_ptr<ReadAhead> ahead_;
  bool started_ = false, ended_ = false;
  std::uint64_t step_ = 0;
  Clock::time_point first_frame_;
};

}  // namespace

Expected<std::unique_ptr<FrameSource>> make_replay(std::unique_ptr<Recording> recording,
                                                   std::string description, const SourceOptions& options) {
  const RecordingInfo& info = recording->info();
  if (options.scan && options.scan->positions() == 0)
    return fail(ErrorArea::usage, "a scan of {}x{} has no positions", options.scan->rows, options.scan->cols);
  if (options.log && !info.scan_known && !options.scan && info.frames > 1)
    options.log(LogLevel::warning,
                fmt::format("{} does not say its scan shape: shown as one row of {}; give --scan ROWSxCOLS",
                            description, info.frames));
  const ScanPath& path = options.path.plain() ? info.path : options.path;
  if (options.log && options.scan && !path.repeated && path.frames(*options.scan) != info.frames)
    options.log(LogLevel::warning,
                fmt::format("{} holds {} frames, the scan {}x{} has {} positions", description, info.frames,
                            options.scan->rows, options.scan->cols, options.scan->positions()));
  return std::make_unique<ReplaySource>(std::move(recording), std::move(description), options);
}

}  // namespace bragglive
