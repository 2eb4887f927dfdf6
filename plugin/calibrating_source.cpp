#include "plugin/calibrating_source.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/calibrate/calibration.hpp"

namespace bragglive {
namespace {

using std::chrono::milliseconds;

class CalibratingSource : public FrameSource {
 public:
  CalibratingSource(std::unique_ptr<FrameSource> source, CalibratingSettings settings)
      : source_(std::move(source)), settings_(std::move(settings)), receiver_([this] { receive(); }) {}

  ~CalibratingSource() override {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    receiver_.join();
    if (worker_.joinable()) worker_.join();
  }

  SourceEvent next(milliseconds timeout) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [this] { return !held_.empty() && phase_ != Phase::calibrating; });
    if (held_.empty() || phase_ == Phase::calibrating) return Idle{};
    SourceEvent event = std::move(held_.front());
    held_.pop_front();
    if (const auto* frame = std::get_if<FrameMessage>(&event)) held_bytes_ -= frame->payload.bytes().size();
    if (held_.empty()) behind_ = false;
    changed_.notify_all();
    return event;
  }
  bool live() const override { return source_->live(); }
  bool behind() const override { return behind_; }
  std::string description() const override { return source_->description(); }
  std::optional<std::vector<std::byte>> frame_again(std::uint64_t scan_index) const override {
    return source_->frame_again(scan_index);
  }
  std::optional<std::uint64_t> dropped_by_detector() const override { return source_->dropped_by_detector(); }

 private:
  enum class Phase { passing, calibrating };

  // Receiver thread.
  void receive() {
    constexpr milliseconds k_wait(50);
    for (;;) {
      SourceEvent event = source_->next(k_wait);
      std::unique_lock lock(mutex_);
      // A recording's sender waits for the engine; what is held while calibrating is bounded too.
      changed_.wait(lock, [this] { return stopped_ || held_bytes_ < room(); });
      if (stopped_) return;
      if (std::holds_alternative<Idle>(event)) {
        if (calibrator_ && ++quiet_ > k_quiet) start_calibrating();
        continue;
      }
      quiet_ = 0;
      const bool over = std::holds_alternative<EndOfSource>(event);
      look_at(event);
      if (const auto* frame = std::get_if<FrameMessage>(&event)) held_bytes_ += frame->payload.bytes().size();
      held_.push_back(std::move(event));
      changed_.notify_all();
      if (over) return;
    }
  }

  // What passes by without being held up needs no more room than keeps the engine busy.
  std::size_t room() const {
    return phase_ == Phase::calibrating || behind_ ? settings_.held_bytes : k_passing_bytes;
  }

  // Under the lock.
  void look_at(SourceEvent& event) {
    if (auto* start = std::get_if<ScanStart>(&event)) return begin(*start);
    if (!calibrator_) return;
    if (std::holds_alternative<ScanEnd>(event) || std::holds_alternative<EndOfSource>(event))
      return start_calibrating();
    if (const auto* frame = std::get_if<FrameMessage>(&event)) collect(*frame);
    if (held_bytes_ > settings_.held_bytes / 2) start_calibrating();
  }

  void begin(ScanStart& start) {
    // A second start while the first rows are still awaited: the sender began again.
    if (calibrator_) start_calibrating();
    if (phase_ == Phase::calibrating) return;
    if (calibration_ && calibration_->detector == start.frame) return give(start);
    CalibratorConfig config = settings_.config;
    if (config.known.empty() && !(config.pixel_size > 0)) config.pixel_size = own_pixel_size(start);
    const ScanShape rows{std::min(settings_.rows, start.scan.rows), start.scan.cols};
    auto made = Calibrator::create(config, start.frame, start.pixel, rows);
    if (!made) return log(made.error().message);
    calibrator_ = std::make_unique<Calibrator>(std::move(*made));
    header_ = start;
    wanted_ = rows.positions();
    seen_ = 0;
    phase_ = Phase::calibrating;
    behind_ = true;
  }

  static double own_pixel_size(const ScanStart& start) {
    const auto found = start.metadata.find("calibration");
    if (found == start.metadata.end()) return 0;
    const auto own = calibration_from_toml(found->second, "the scan's own calibration");
    return own ? own->pixel_size_inv_angstrom : 0;
  }

  void collect(const FrameMessage& frame) {
    if (frame.scan_index < wanted_) {
      ++seen_;
      if (calibrator_->wants(frame.scan_index)) {
        FrameView view{nullptr, header_.frame, header_.pixel};
        pixels_.resize(view.bytes());
        view.pixels = pixels_.data();
        if (decode_payload(header_.encoding, header_.frame, header_.pixel, frame.payload.bytes(), pixels_))
          calibrator_->add(frame.scan_index, view);
      }
    }
    // A row behind: what of the first ones has not come by now will not.
    if (seen_ >= wanted_ || frame.scan_index >= wanted_ + header_.scan.cols) start_calibrating();
  }

  // Receiving goes on while another thread works.
  void start_calibrating() {
    if (worker_.joinable()) worker_.join();
    worker_ = std::thread([this, calibrator = std::move(calibrator_)] {
      auto report = calibrator->finish();
      const std::lock_guard lock(mutex_);
      if (report) {
        calibration_ = std::move(report->calibration);
        for (const std::string& note : report->notes) log(note, LogLevel::info);
        hand_in();
      } else {
        log("calibrating on the first rows failed: " + report.error().message);
      }
      phase_ = Phase::passing;
      changed_.notify_all();
    });
  }

  // The calibration into the starts that wait. Under the lock.
  void hand_in() {
    for (SourceEvent& event : held_)
      if (auto* start = std::get_if<ScanStart>(&event)) give(*start);
  }
  void give(ScanStart& start) const {
    if (calibration_ && calibration_->detector == start.frame)
      start.metadata["calibration"] = to_toml(*calibration_);
  }

  void log(const std::string& text, LogLevel level = LogLevel::error) const {
    if (settings_.log) settings_.log(level, text);
  }

  static constexpr int k_quiet =
      60;  // waits without an event after which no more of the first rows is awaited
  static constexpr std::size_t k_passing_bytes = std::size_t{64} << 20;

  std::unique_ptr<FrameSource> source_;
  CalibratingSettings settings_;
  std::mutex mutex_;  // guards everything down to the blank line
  std::condition_variable changed_;
  std::deque<SourceEvent> held_;
  std::size_t held_bytes_ = 0;
  Phase phase_ = Phase::passing;
  bool stopped_ = false;
  std::optional<Calibration> calibration_;
  std::unique_ptr<Calibrator> calibrator_;  // while the first rows come in
  std::thread worker_;

  std::atomic<bool> behind_{false};
  // Receiver thread.
  ScanStart header_;
  std::uint64_t wanted_ = 0, seen_ = 0;
  int quiet_ = 0;
  std::vector<std::byte> pixels_;
  std::thread receiver_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<FrameSource> calibrate_first_rows(std::unique_ptr<FrameSource> source,
                                                  CalibratingSettings settings) {
  settings.rows = std::max<std::uint32_t>(settings.rows, 1);
  return std::make_unique<CalibratingSource>(std::move(source), std::move(settings));
}

Expected<std::unique_ptr<FrameSource>> calibrate_first_rows(std::unique_ptr<FrameSource> source,
                                                            const FirstRows& first,
                                                            const KnownCrystalReader& read_known,
                                                            const LogSink& log) {
  if (first.rows == 0) return source;
  CalibratingSettings settings;
  settings.rows = first.rows;
  settings.config.pixel_size = first.pixel_size;
  settings.log = log;
  if (!first.known.empty())
    if (auto known = read_known(first.known, settings.config); !known) return tl::unexpected(known.error());
  return calibrate_first_rows(std::move(source), std::move(settings));
}

}  // namespace bragglive
