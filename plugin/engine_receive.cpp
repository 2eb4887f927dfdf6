// The receiver thread: from source events to slots in the graph.
#include <new>

#include "plugin/engine.hpp"
#include "streams/scan_path.hpp"

namespace bragglive {
namespace {

constexpr std::chrono::milliseconds k_receive_timeout{100};
constexpr std::uint64_t k_late_settles_ns = 1'000'000'000;  // no late frame for so long: saved again

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
    if (scan_open_ && from->live()) {
      give_up_gaps(false);
      close_if_silent();
    }
    if (late_since_ns_ != 0 && steady_now_ns() - late_since_ns_ > k_late_settles_ns) hand_out_again();
  }
  if (scan_open_) close_scan(over ? SessionState::finished : SessionState::stopped);
  hand_out_again();
  saver_.drain();
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
  begin_scan(std::move(*opened));
  log(LogLevel::info,
      fmt::format("series {}: {} x {} positions, frames of {} x {} {}", start.series_id, start.scan.rows,
                  start.scan.cols, start.frame.rows, start.frame.cols, name_of(start.pixel)));
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
    if (!current->map.mark_late(message.scan_index)) return;
    board_.late.fetch_add(1);
    late_since_ns_ = last_event_ns_;
    return;
  }
  const auto arrival = source()->live() ? watch_order(message) : FrameOrder::Arrival::in_order;
  if (message.scan_index == k_no_position) {  // on the probe's way from one line to the next
    timer.dropped();
    board_.beside_scan.fetch_add(1, std::memory_order_relaxed);
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
  if (arrival == FrameOrder::Arrival::given_up) board_.lost.fetch_sub(1);
  if (first_frame_ns_ == 0) first_frame_ns_ = last_event_ns_;
  if (current->recorder)
    message.payload = current->recorder->keep(message.scan_index, std::move(message.payload));
  if (!admit(*current, std::move(message))) timer.dropped();
}

FrameOrder::Arrival Session::Engine::watch_order(const FrameMessage& message) {
  const auto arrival = order_.see(message.frame_number, message.scan_index, last_event_ns_);
  if (arrival != FrameOrder::Arrival::in_order) board_.disordered.fetch_add(1, std::memory_order_relaxed);
  if (const auto stride = order_.take_stride()) {
    board_.stride = *stride;
    log(LogLevel::warning,
        fmt::format("only every {} frame arrives: another client is connected to the detector and takes the "
                    "others; close it",
                    *stride == 2 ? "second" : fmt::format("{}th", *stride)));
  }
  return arrival;
}

void Session::Engine::give_up_gaps(bool all) {
  while (const auto gap = order_.give_up(steady_now_ns(), all)) {
    board_.lost.fetch_add(gap->last - gap->first + 1);
    if (gap->first_position) scan()->map.mark_missing(*gap->first_position, *gap->last_position);
    tell_once(Fault::gap, gap->first == gap->last
                              ? fmt::format("frame {} did not come", gap->first)
                              : fmt::format("frames {} to {} did not come", gap->first, gap->last));
  }
}

bool Session::Engine::admit(ActiveScan& to, FrameMessage message) {
  const std::uint64_t received_ns = steady_now_ns();
  const auto from = source();
  const bool live = from->live() && !from->behind();
  FrameSlot* slot = nullptr;
  if (live) {
    if (admission_.take(to.pool.in_use())) slot = to.pool.try_acquire();
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

}  // namespace bragglive
