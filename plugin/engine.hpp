// Inside a session: the receiver thread, the publisher thread and the scan they work on.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/label/label_map.hpp"
#include "plugin/admission.hpp"
#include "plugin/engine_counters.hpp"
#include "plugin/frame_order.hpp"
#include "plugin/frame_pool.hpp"
#include "plugin/label_graph.hpp"
#include "plugin/recent_frames.hpp"
#include "plugin/recorder.hpp"
#include "plugin/saver.hpp"
#include "plugin/scan_result.hpp"
#include "plugin/session.hpp"

namespace bragglive {

// One scan: its map and the graph that fills it.
struct ActiveScan {
  ScanStart header;
  Calibration calibration;
  PixelsToQ to_q;
  std::shared_ptr<LabelMap> labels;
  LabelMap& map;
  FramePool pool;
  RecentFrames recent;
  std::shared_ptr<Recorder> recorder;  // null: not recorded, or already handed to the saver
  std::unique_ptr<LabelGraph> graph;   // null once the scan is closed

  ActiveScan(const ScanStart& start, const Calibration& c, std::size_t slots, std::size_t recent_bytes)
      : header(start),
        calibration(c),
        to_q(c),
        labels(std::make_shared<LabelMap>(start.scan, start.frame, start.series_id)),
        map(*labels),
        pool(slots),
        recent(recent_bytes) {}
};

// Bit s is set where system s may win the filter; none named = all.
std::uint32_t allowed_systems_mask(const std::vector<CrystalSystem>& systems);

class Session::Engine {
 public:
  explicit Engine(SessionConfig config);
  ~Engine();

  Expected<void> start(std::unique_ptr<FrameSource> source);
  void stop();
  bool wait_finished(std::chrono::milliseconds timeout);
  SessionState state() const;
  bool is_receiving() const { return receiving_; }
  std::string last_error() const;
  std::string source_description() const;
  EngineCounters counters() const;
  void reset_counters() { board_.reset_faults(); }
  std::shared_ptr<const MapSnapshot> snapshot() const;
  void on_snapshot(std::function<void()> callback);
  void set_threshold(double threshold);
  void set_filter(bool on);
  void set_systems(std::vector<CrystalSystem> systems);
  bool position_detail(ScanPosition at, PositionDetail& detail) const;
  std::optional<Calibration> calibration() const;
  std::optional<ScanStart> scan_header() const;
  SessionConfig config() const;
  RunTimes times() const;
  void copy_peaks(std::vector<std::uint64_t>& offsets, std::vector<float>& qx, std::vector<float>& qy,
                  std::vector<float>& intensity) const;
  std::vector<std::shared_ptr<const ScanResult>> history() const;
  // Of the scan in snapshot(), running or closed; counters are left out. nullptr: no scan yet.
  std::shared_ptr<const ScanResult> result_now() const;

 private:
  // Receiver thread.
  void receive_loop();
  void handle(ScanStart start);
  void handle(FrameMessage message);
  void handle(ScanEnd end);
  void handle(BadMessage bad);
  // false: no slot; the position has ended without its frame.
  bool admit(ActiveScan& to, FrameMessage message);
  void end_without_frame(ActiveScan& in, std::uint64_t index, PositionState state);
  FrameOrder::Arrival watch_order(const FrameMessage& message);
  void give_up_gaps(bool all);
  void open_recorder(ActiveScan& scan);
  void begin_scan(std::shared_ptr<ActiveScan> opened);
  void close_scan(SessionState next);
  // The closed scan to whoever saves it, and into the history; again when frames have come late.
  void hand_out();
  void hand_out_again();
  void remember(std::shared_ptr<const ScanResult> result);
  void close_if_silent();
  Expected<std::shared_ptr<ActiveScan>> open_scan(const ScanStart& start);
  void copy_frame(const ActiveScan& scan, std::uint64_t index, std::vector<std::byte>& pixels) const;

  // Publisher thread.
  void publish_loop(std::stop_token stop);
  void publish_now();

  std::shared_ptr<ActiveScan> scan() const;
  std::shared_ptr<FrameSource> source() const;
  void set_state(SessionState state, std::string error = {});
  void log(LogLevel level, const std::string& text) const;
  enum class Fault { duplicate, out_of_range, stale, bad_message, no_scan, gap };
  void tell_once(Fault fault, const std::string& text);

  mutable std::mutex mutex_;  // guards everything down to the blank line
  SessionConfig config_;
  std::shared_ptr<ActiveScan> scan_;
  std::shared_ptr<const MapSnapshot> snapshot_;
  std::shared_ptr<FrameSource> source_;
  std::function<void()> on_snapshot_;
  SessionState state_ = SessionState::idle;
  std::string last_error_;
  RunTimes times_;
  std::deque<std::shared_ptr<const ScanResult>> history_;  // oldest first
  unsigned scan_number_ = 0, revision_ = 0;
  std::condition_variable state_changed_;

  CounterBoard board_;
  std::mutex publish_mutex_;            // one publication at a time
  std::uint64_t generation_ = 0;        // over all scans; under publish_mutex_
  std::uint64_t first_frame_ns_ = 0;    // receiver thread
  std::uint64_t last_event_ns_ = 0;     // receiver thread
  std::uint64_t first_error_bits_ = 0;  // receiver thread: kinds of fault already told of in this scan
  std::uint64_t stored_before_ = 0;     // receiver thread: frames stored before this scan
  Admission admission_;                 // receiver thread
  FrameOrder order_;                    // receiver thread
  std::uint64_t late_since_ns_ = 0;     // receiver thread: of the last late frame that is not saved yet
  bool scan_open_ = false;              // receiver thread
  Saver saver_;
  std::atomic<bool> stop_requested_{false};
  std::atomic<bool> receiving_{false};
  std::thread receiver_;
  std::jthread publisher_;
};

}  // namespace bragglive
