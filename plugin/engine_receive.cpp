// The receiver thread: from source events to slots in the graph, and the life of a scan.
#include <fmt/chrono.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <exception>
#include <new>

#include "plugin/engine.hpp"

namespace bragglive {
namespace {

constexpr std::chrono::milliseconds k_receive_timeout{100};

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

// An encoded frame is there twice: as it came and decoded.
std::size_t slot_bytes(const ScanStart& scan) {
  const std::size_t frame_bytes = std::max<std::size_t>(1, scan.frame.pixels() * bytes_per_pixel(scan.pixel));
  return frame_bytes * (scan.encoding == Encoding::none ? 1 : 2);
}

// Slots that fit the memory, at least two per thread so that nobody starves.
std::size_t slot_count(const SessionConfig& config, const ScanStart& scan) {
  const std::size_t least = std::size_t{2} * config.threads + 2;
  return std::clamp(config.pool_bytes / slot_bytes(scan), least, std::max(config.pool_slots, least));
}

// A scan start is a few bytes from outside; the map and the slots it asks for may be gigabytes.
Expected<void> check_memory(const SessionConfig& config, const ScanStart& scan) {
  constexpr double k_bytes_per_position = 410;  // planes twice, votes, some twenty disks
  constexpr double k_bytes_per_row = 2500;      // the vectors of a row
  const double needed = k_bytes_per_position * static_cast<double>(scan.scan.positions()) +
                        k_bytes_per_row * scan.scan.rows +
                        static_cast<double>(slot_count(config, scan)) * static_cast<double>(slot_bytes(scan));
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

void Session::Engine::receive_loop() {
  const std::shared_ptr<FrameSource> from = source();
  scan_open_ = false;
  first_frame_ns_ = 0;
  last_event_ns_ = steady_now_ns();
  bool over = false;
  while (!stop_requested_ && !over && state() != SessionState::failed) {
    SourceEvent event = from->next(k_receive_timeout);
    if (auto* start = std::get_if<ScanStart>(&event)) {
      handle(std::move(*start));
    } else if (auto* message = std::get_if<FrameMessage>(&event)) {
      handle(std::move(*message));
    } else if (auto* end = std::get_if<ScanEnd>(&event)) {
      handle(*end);
    } else if (auto* bad = std::get_if<BadMessage>(&event)) {
      handle(std::move(*bad));
    } else if (std::holds_alternative<EndOfSource>(event)) {
      over = true;
    }
    // After every event, not only after silence: another sender's noise does not keep a dead scan open.
    if (scan_open_ && from->live()) close_if_silent();
  }
  if (scan_open_) close_scan(over ? SessionState::finished : SessionState::stopped);
  receiving_ = false;
  const SessionState now = state();
  if (now == SessionState::waiting && over)
    set_state(SessionState::failed, fmt::format("{} holds no frame", from->description()));
  else if (now == SessionState::waiting || (now == SessionState::finished && !over))
    set_state(SessionState::stopped);
}

void Session::Engine::close_if_silent() {
  const auto silent_ms = (steady_now_ns() - last_event_ns_) / 1'000'000;
  if (silent_ms <= static_cast<std::uint64_t>(config().scan_timeout.count())) return;
  log(LogLevel::warning,
      fmt::format("no frame for {} s: the scan is closed, its remaining positions are missing",
                  static_cast<double>(silent_ms) / 1000));
  close_scan(SessionState::finished);
}

void Session::Engine::tell_once(Fault fault, const std::string& text) {
  const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(fault);
  if (first_error_bits_ & bit) return;
  first_error_bits_ |= bit;
  log(LogLevel::warning, text + " (further ones are only counted)");
}

void Session::Engine::handle(ScanStart start) {
  last_event_ns_ = steady_now_ns();
  if (scan_open_) {
    const auto current = scan();
    // A sender that died and came back announces its scan again: go on with the map.
    if (current->header.series_id == start.series_id && current->header.scan == start.scan &&
        current->header.frame == start.frame && current->header.pixel == start.pixel &&
        current->header.encoding == start.encoding)
      return;
    log(LogLevel::warning, fmt::format("series {} begins before series {} ended: the former is closed",
                                       start.series_id, current->header.series_id));
    close_scan(SessionState::finished);
  }
  auto opened = [&]() -> Expected<std::shared_ptr<ActiveScan>> {
    try {
      return open_scan(start);
    } catch (const std::bad_alloc&) {
      return fail(ErrorArea::memory, "there is not enough memory for a scan of {} x {} positions",
                  start.scan.rows, start.scan.cols);
    }
  }();
  if (!opened) {
    board_.bad_messages.fetch_add(1);
    // A recording will not get better, its failure is the session's; a detector's next scan may be set up
    // right.
    const bool live = source()->live();
    if (live) log(LogLevel::error, opened.error().message);
    set_state(live ? SessionState::waiting : SessionState::failed, opened.error().message);
    return;
  }
  first_error_bits_ = 0;
  first_frame_ns_ = 0;
  {
    const std::lock_guard lock(mutex_);
    scan_ = std::move(*opened);
    times_ = {};
    times_.started_utc = utc_now();
  }
  scan_open_ = true;
  board_.latency.reset();
  stored_before_ = board_.stage(Stage::store).out.load();
  publish_now();  // so that snapshot and scan belong together from the first moment
  set_state(SessionState::scanning);
  log(LogLevel::info,
      fmt::format("series {}: {} x {} positions, frames of {} x {} {}", start.series_id, start.scan.rows,
                  start.scan.cols, start.frame.rows, start.frame.cols, name_of(start.pixel)));
}

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

  if (const auto fits = check_memory(with, start); !fits) return tl::unexpected<Error>(fits.error());

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
  if (calibration.detector != start.frame)
    return fail(ErrorArea::shape, "the calibration is for frames of {} x {} pixels, series {} has {} x {}",
                calibration.detector.rows, calibration.detector.cols, start.series_id, start.frame.rows,
                start.frame.cols);

  DiskDetectorConfig detector_config = with.detector;
  detector_config.probe_radius_px = calibration.probe_radius_px;
  detector_config.masked_pixels = calibration.masked_pixels;
  auto detector = DiskDetector::create(detector_config, start.frame);
  if (!detector) return tl::unexpected<Error>(detector.error());

  auto opened =
      std::make_shared<ActiveScan>(start, calibration, slot_count(with, start), with.recent_frame_bytes);
  opened->map.set_threshold(with.threshold);
  opened->map.set_filter(with.filter_5x5);
  opened->map.set_systems(allowed_systems_mask(with.systems));
  const bool live = source()->live();
  LabelGraphSettings settings{start, with.min_disks, with.threads, live};
  opened->graph = std::make_unique<LabelGraph>(settings, calibration, std::move(*detector), with.model,
                                               opened->map, opened->pool, opened->recent, board_);
  return opened;
}

void Session::Engine::handle(FrameMessage message) {
  StageTimer timer(board_.stage(Stage::receive));
  board_.frames_received.fetch_add(1, std::memory_order_relaxed);
  const auto current = scan();
  if (!current) {
    timer.dropped();
    board_.stale_series.fetch_add(1);
    tell_once(
        Fault::no_scan,
        "a frame came before any scan start: the receiver connected too late, it waits for the next scan");
    return;
  }
  if (message.series_id != current->header.series_id) {
    timer.dropped();
    board_.stale_series.fetch_add(1);
    tell_once(Fault::stale, fmt::format("a frame of series {} came during series {} and is left out",
                                        message.series_id, current->header.series_id));
    return;
  }
  last_event_ns_ = steady_now_ns();
  if (!scan_open_) {
    timer.dropped();
    if (current->map.mark_late(message.scan_index)) board_.late.fetch_add(1);
    return;
  }
  switch (current->map.claim(message.scan_index)) {
    case LabelMap::Claim::out_of_range:
      timer.dropped();
      board_.out_of_range.fetch_add(1);
      tell_once(Fault::out_of_range,
                fmt::format("frame {} names position {}, the scan has {}", message.frame_number,
                            message.scan_index, current->header.scan.positions()));
      return;
    case LabelMap::Claim::duplicate:
      timer.dropped();
      board_.duplicates.fetch_add(1);
      tell_once(Fault::duplicate,
                fmt::format("a second frame came for position {}: the first one counts", message.scan_index));
      return;
    case LabelMap::Claim::granted:
      break;
  }
  if (first_frame_ns_ == 0) first_frame_ns_ = last_event_ns_;
  if (!admit(*current, std::move(message))) timer.dropped();
}

bool Session::Engine::admit(ActiveScan& to, FrameMessage message) {
  const std::uint64_t received_ns = steady_now_ns();
  const bool live = source()->live();
  FrameSlot* slot = nullptr;
  if (live) {
    const double occupancy = static_cast<double>(to.pool.in_use()) / static_cast<double>(to.pool.size());
    if (admission_.take(occupancy)) slot = to.pool.try_acquire();
  } else {
    while (!slot && !stop_requested_) slot = to.pool.acquire_for(k_receive_timeout);
  }
  if (!slot) {
    if (live) board_.skipped.fetch_add(1);
    end_without_frame(to, message.scan_index,
                      live ? PositionState::skipped_by_policy : PositionState::missing);
    return false;
  }
  slot->message = std::move(message);
  slot->received_ns = received_ns;
  to.graph->submit(slot);
  return true;
}

void Session::Engine::end_without_frame(ActiveScan& in, std::uint64_t index, PositionState state) {
  PositionResult result;
  result.index = index;
  result.state = state;
  in.map.store({&result, 1});
}

void Session::Engine::handle(ScanEnd end) {
  const auto current = scan();
  if (!scan_open_ || !current || end.series_id != current->header.series_id)
    return;  // the end of a series long closed
  close_scan(SessionState::finished);
}

void Session::Engine::handle(BadMessage bad) {
  board_.bad_messages.fetch_add(1);
  tell_once(Fault::bad_message, bad.error.message);
  const auto current = scan();
  // A stray sender's message must not take a position from the scan that is running.
  if (bad.series_id && (!current || *bad.series_id != current->header.series_id)) return;
  if (!scan_open_ || !bad.scan_index || current->map.claim(*bad.scan_index) != LabelMap::Claim::granted)
    return;
  board_.corrupt.fetch_add(1);
  end_without_frame(*current, *bad.scan_index, PositionState::corrupt);
}

void Session::Engine::close_scan(SessionState next) {
  const auto current = scan();
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
  if (const auto closed = config().on_scan_closed; closed && session_) {
    try {
      closed(*session_);
    } catch (const std::exception& error) {
      log(LogLevel::error, fmt::format("after the scan: {}", error.what()));
    }
  }
  set_state(next);
}

}  // namespace bragglive
