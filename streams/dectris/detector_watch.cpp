#include "streams/dectris/detector_watch.hpp"

namespace bragglive::dectris {
namespace {

constexpr std::chrono::seconds k_look_every{1};

class Watched final : public FrameSource {
 public:
  Watched(std::unique_ptr<FrameSource> source, std::unique_ptr<DetectorWatch> watch)
      : source_(std::move(source)), watch_(std::move(watch)) {}

  SourceEvent next(std::chrono::milliseconds timeout) override {
    SourceEvent event = source_->next(timeout);
    auto* start = std::get_if<ScanStart>(&event);
    if (start == nullptr) return event;
    watch_->series(*start);
    const auto settings = watch_->settings();
    if (settings && !settings->masked_pixels.empty() && settings->frame == start->frame)
      start->metadata.try_emplace("masked_pixels", settings->masked_pixels);
    return event;
  }
  bool live() const override { return source_->live(); }
  std::string description() const override { return source_->description(); }
  std::optional<std::uint64_t> dropped_by_detector() const override { return watch_->dropped(); }

 private:
  const std::unique_ptr<FrameSource> source_;
  const std::unique_ptr<DetectorWatch> watch_;
};

}  // namespace

std::string difference(const DetectorSettings& settings, const ScanStart& start) {
  if (settings.frame.pixels() != 0 && settings.frame != start.frame)
    return fmt::format("the detector is set to {} x {} pixels, the stream brings {} x {}",
                       settings.frame.rows, settings.frame.cols, start.frame.rows, start.frame.cols);
  const std::size_t bits = 8 * bytes_per_pixel(start.pixel);
  if (settings.bit_depth != 0 && settings.bit_depth != bits)
    return fmt::format("the detector is set to {} bit, the stream brings {}", settings.bit_depth,
                       name_of(start.pixel));
  const std::uint64_t frames = start.expected_frames != 0 ? start.expected_frames : start.scan.positions();
  if (settings.images != 0 && settings.images != frames)
    return fmt::format("the detector is set to {} images, the scan has {} frames", settings.images, frames);
  return {};
}

DetectorWatch::DetectorWatch(TcpAddress server, bool version2, LogSink log)
    : detector_(std::move(server)),
      version2_(version2),
      log_(std::move(log)),
      thread_([this](std::stop_token stop) { run(std::move(stop)); }) {}

void DetectorWatch::series(const ScanStart& start) {
  {
    const std::lock_guard lock(mutex_);
    begun_ = start;
  }
  changed_.notify_all();
}

std::optional<std::uint64_t> DetectorWatch::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

std::optional<DetectorSettings> DetectorWatch::settings() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

void DetectorWatch::say(const std::string& text) const {
  if (log_) log_(LogLevel::warning, text);
}

void DetectorWatch::run(std::stop_token stop) {
  read_settings();
  while (!stop.stop_requested()) {
    read_status();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, k_look_every, [this] { return begun_.has_value(); });
    const auto begun = std::exchange(begun_, std::nullopt);
    lock.unlock();
    if (!begun || stop.stop_requested()) continue;
    read_settings();
    compare(*begun);
  }
}

void DetectorWatch::read_settings() {
  auto settings = detector_.settings();
  if (!settings) {
    if (!std::exchange(unreachable_, true))
      say("the detector's settings cannot be read, the stream is received all the same: " +
          settings.error().message);
    return;
  }
  unreachable_ = false;
  const std::string wanted = version2_ ? "cbor" : "legacy";
  if (settings->stream_mode == "disabled")
    say("the detector's stream is disabled: nothing will come until it is enabled (stream config mode)");
  else if (!settings->stream_format.empty() && settings->stream_format != wanted)
    say(fmt::format("the detector's stream speaks '{}', protocol {} needs '{}' (stream config format)",
                    settings->stream_format, version2_ ? "dectris2" : "dectris1", wanted));
  const std::lock_guard lock(mutex_);
  settings_ = std::move(*settings);
}

void DetectorWatch::compare(const ScanStart& start) const {
  const auto settings = this->settings();
  if (!settings) return;
  if (const std::string wrong = difference(*settings, start); !wrong.empty())
    say(fmt::format("series {}: {}", start.series_id, wrong));
}

void DetectorWatch::read_status() {
  const auto status = detector_.stream_status();
  if (!status) return;
  if (status->dropped > said_dropped_)
    say(fmt::format("the detector has dropped {} images that nobody took in time", status->dropped));
  said_dropped_ = status->dropped;
  const std::lock_guard lock(mutex_);
  dropped_ = status->dropped;
}

std::unique_ptr<FrameSource> watched(std::unique_ptr<FrameSource> source,
                                     std::unique_ptr<DetectorWatch> watch) {
  return std::make_unique<Watched>(std::move(source), std::move(watch));
}

}  // namespace bragglive::dectris
