// The life of a scan: opened, begun, closed, handed out.
#include <fmt/chrono.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <exception>

#include "plugin/engine.hpp"
#include "plugin/masked_pixels.hpp"

namespace bragglive {
namespace {

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

// A slot holds the frame as it came, which is hardly ever longer than its pixels.
std::size_t slot_bytes(const ScanStart& scan) {
  return std::max<std::size_t>(1, scan.frame.pixels() * bytes_per_pixel(scan.pixel));
}

// Slots that fit the memory, at least two per thread so that nobody starves. A recording waits, more than
// keeps the threads busy would only be memory.
std::size_t slot_count(const SessionConfig& config, const ScanStart& scan, bool live) {
  constexpr std::size_t k_replay_slots = 1024;
  const std::size_t least = std::size_t{2} * config.threads + 2;
  const std::size_t most = live ? config.pool_slots : std::min(config.pool_slots, k_replay_slots);
  return std::clamp(config.pool_bytes / slot_bytes(scan), least, std::max(most, least));
}

// A quarter of the slots for what comes in gusts, enough for every thread where they are few.
std::size_t free_slots(std::size_t slots, unsigned threads) {
  return std::max(slots / 4, std::min<std::size_t>(threads + 1, slots / 2));
}

// A scan start is a few bytes from outside; the map and the slots it asks for may be gigabytes.
Expected<void> check_memory(const ScanStart& scan, std::size_t slots) {
  constexpr double k_bytes_per_position = 410;  // planes twice, votes, some twenty disks
  constexpr double k_bytes_per_row = 2500;      // the vectors of a row
  const double needed = k_bytes_per_position * static_cast<double>(scan.scan.positions()) +
                        k_bytes_per_row * scan.scan.rows +
                        static_cast<double>(slots) * static_cast<double>(slot_bytes(scan));
  const double installed =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  if (needed <= installed / 2) return {};
  return fail(ErrorArea::memory,
              "a scan of {} x {} positions with frames of {} x {} needs about {:.1f} GB, this machine has "
              "{:.1f} GB: scan it in parts",
              scan.scan.rows, scan.scan.cols, scan.frame.rows, scan.frame.cols, needed * 1e-9,
              installed * 1e-9);
}

}  // namespace

Expected<std::shared_ptr<ActiveScan>> Session::Engine::open_scan(const ScanStart& start) {
  const SessionConfig with = config();
  if (start.scan.rows == 0 || start.scan.cols == 0 || start.scan.positions() > k_max_scan_positions)
    return fail(ErrorArea::shape,
                "series {}: a scan of {} x {} positions cannot be labelled (1 to {} positions)",
                start.series_id, start.scan.rows, start.scan.cols, k_max_scan_positions);
  if (start.frame.rows == 0 || start.frame.cols == 0 || start.frame.rows > k_max_detector_side ||
      start.frame.cols > k_max_detector_side)
    return fail(ErrorArea::shape, "series {}: frames of {} x {} pixels cannot be labelled (1 to {} a side)",
                start.series_id, start.frame.rows, start.frame.cols, k_max_detector_side);

  const bool live = source()->live();
  const std::size_t slots = slot_count(with, start, live);
  if (const auto fits = check_memory(start, slots); !fits) return tl::unexpected<Error>(fits.error());

  Calibration calibration;
  if (with.calibration) {
    calibration = *with.calibration;
  } else if (const auto found = start.metadata.find("calibration"); found != start.metadata.end()) {
    auto parsed =
        calibration_from_toml(found->second, fmt::format("the metadata of series {}", start.series_id));
    if (!parsed) return tl::unexpected<Error>(parsed.error());
    if (const auto checked = validate(*parsed); !checked) return tl::unexpected<Error>(checked.error());
    calibration = *parsed;
  } else {
    return fail(ErrorArea::usage, "series {} comes without a calibration: give one (--calibration C.toml)",
                start.series_id);
  }
  if (const auto scaled = require_pixel_size(calibration, "the calibration"); !scaled)
    return tl::unexpected<Error>(scaled.error());
  if (calibration.detector != start.frame)
    return fail(ErrorArea::shape, "the calibration is for frames of {} x {} pixels, series {} has {} x {}",
                calibration.detector.rows, calibration.detector.cols, start.series_id, start.frame.rows,
                start.frame.cols);

  DiskDetectorConfig detector_config = with.detector;
  detector_config.probe_radius_px = calibration.probe_radius_px;
  detector_config.probe = calibration.probe;
  detector_config.masked_pixels = calibration.masked_pixels;
  if (const auto mask = start.metadata.find("masked_pixels"); mask != start.metadata.end())
    add_masked_pixels(mask->second, start.frame, detector_config.masked_pixels);
  auto detector = DiskDetector::create(detector_config, start.frame);
  if (!detector) return tl::unexpected<Error>(detector.error());
  if (!detector->slow_reason().empty()) log(LogLevel::warning, detector->slow_reason());

  auto opened = std::make_shared<ActiveScan>(start, calibration, slots, with.recent_frame_bytes);
  if (const auto names = with.model->phase_names(); !names.empty())
    opened->map.set_phases(std::make_shared<const std::vector<std::string>>(names.begin(), names.end()));
  opened->map.set_threshold(with.threshold);
  opened->map.set_filter(with.filter_5x5);
  opened->map.set_systems(allowed_systems_mask(with.systems));
  LabelGraphSettings settings{start, with.min_disks, with.threads, live};
  opened->graph = std::make_unique<LabelGraph>(settings, calibration, std::move(*detector), with.model,
                                               opened->map, opened->pool, opened->recent, board_);
  return opened;
}

void Session::Engine::open_recorder(ActiveScan& scan) {
  const SessionConfig with = config();
  const auto file = with.record_to ? with.record_to(scan_number_) : std::filesystem::path();
  if (file.empty()) return;
  RecorderSettings settings;
  settings.file = file;
  settings.reserve_bytes = with.record_reserve_bytes;
  settings.may_wait = !source()->live();
  settings.log = with.log;
  auto opened = Recorder::open(std::move(settings), scan.header, board_);
  if (opened)
    scan.recorder = std::move(*opened);
  else
    log(LogLevel::error, "the scan is labelled but not recorded: " + opened.error().message);
}

void Session::Engine::begin_scan(std::shared_ptr<ActiveScan> opened) {
  hand_out_again();  // the scan before, while it can still be reached
  first_error_bits_ = 0;
  first_frame_ns_ = 0;
  order_ = FrameOrder(config().reorder_window);
  admission_ = Admission(free_slots(opened->pool.size(), config().threads), opened->pool.size());
  {
    const std::lock_guard lock(mutex_);
    ++scan_number_;
    revision_ = 0;
  }
  open_recorder(*opened);
  {
    const std::lock_guard lock(mutex_);
    scan_ = std::move(opened);
    times_ = {};
    times_.started_utc = utc_now();
  }
  scan_open_ = true;
  board_.latency.reset();
  stored_before_ = board_.stage(Stage::store).out.load();
  publish_now();  // so that snapshot and scan belong together from the first moment
  set_state(SessionState::scanning);
}

void Session::Engine::close_scan(SessionState next) {
  const auto current = scan();
  give_up_gaps(true);
  current->graph->drain();
  const std::uint64_t missing = current->map.close();
  const std::uint64_t now = steady_now_ns();
  {
    const std::lock_guard lock(mutex_);
    current->graph.reset();
    times_.finished_utc = utc_now();
    times_.seconds = first_frame_ns_ == 0 ? 0 : static_cast<double>(now - first_frame_ns_) * 1e-9;
    times_.frames = board_.stage(Stage::store).out.load() - stored_before_;
  }
  scan_open_ = false;
  publish_now();
  if (missing > 0) log(LogLevel::warning, fmt::format("the scan ended with {} positions missing", missing));
  hand_out();
  set_state(next);
}

std::shared_ptr<const ScanResult> Session::Engine::result_now() const {
  auto result = std::make_shared<ScanResult>();
  const std::lock_guard lock(mutex_);
  if (!scan_ || !snapshot_) return nullptr;
  result->number = scan_number_;
  result->revision = revision_;
  result->map = snapshot_;
  result->labels = scan_->labels;
  result->header = scan_->header;
  result->calibration = scan_->calibration;
  result->times = times_;
  result->config = config_;
  result->source = source_ ? source_->description() : "";
  return result;
}

void Session::Engine::hand_out() {
  const auto now = result_now();
  if (!now) return;
  auto result = std::make_shared<ScanResult>(*now);
  result->counters = counters();
  remember(result);
  auto save = [this, result, recorder = std::exchange(scan()->recorder, nullptr)] {
    if (recorder)
      if (const auto done = recorder->finish(*result); !done) log(LogLevel::error, done.error().message);
    const auto& closed = result->config.on_scan_closed;
    if (!closed) return;
    try {
      closed(*result);
    } catch (const std::exception& error) {
      log(LogLevel::error, fmt::format("after the scan: {}", error.what()));
    }
  };
  // The detector does not wait for us: whoever loses frames by this must know where.
  saver_.submit(std::move(save), [this, number = result->number] {
    log(LogLevel::warning,
        fmt::format("scan {} is over but the scans before it are still being written: no frame is received "
                    "until the disk, or whoever reads the results, keeps up",
                    number));
  });
}

void Session::Engine::hand_out_again() {
  if (late_since_ns_ == 0) return;
  late_since_ns_ = 0;
  ++revision_;
  publish_now();
  hand_out();
}

void Session::Engine::remember(std::shared_ptr<const ScanResult> result) {
  constexpr std::size_t k_bytes_per_position = 400;
  const std::lock_guard lock(mutex_);
  if (!history_.empty() && history_.back()->number == result->number) history_.pop_back();
  history_.push_back(std::move(result));
  const auto bytes = [this] {
    std::size_t sum = 0;
    for (const auto& kept : history_) sum += kept->header.scan.positions() * k_bytes_per_position;
    return sum;
  };
  while (!history_.empty() && (history_.size() > config_.history_scans || bytes() > config_.history_bytes))
    history_.pop_front();
}

std::vector<std::shared_ptr<const ScanResult>> Session::Engine::history() const {
  const std::lock_guard lock(mutex_);
  return {history_.begin(), history_.end()};
}

}  // namespace bragglive
