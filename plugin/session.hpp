// The live engine behind the window, the command line and the C ABI: one class drives all three.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calibrate/calibration.hpp"
#include "core/detect/bragg_list.hpp"
#include "core/detect/disk_detector.hpp"
#include "core/frame/error.hpp"
#include "core/frame/log.hpp"
#include "core/label/crystal_model.hpp"
#include "core/label/map_snapshot.hpp"
#include "core/label/pattern_label.hpp"
#include "plugin/counters.hpp"
#include "plugin/frame_order.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

enum class SessionState : std::uint8_t {
  idle,     // nothing opened yet
  waiting,  // source open, no scan yet
  scanning,
  finished,  // the last scan is complete; a live endpoint waits for the next one
  stopped,   // by the user; what was labelled stays readable
  failed     // see last_error()
};
std::string_view name_of(SessionState state);

struct ScanResult;  // plugin/scan_result.hpp

struct SessionConfig {
  std::shared_ptr<const CrystalModel> model;
  std::optional<Calibration> calibration;  // else the scan's metadata must carry one
  DiskDetectorConfig detector;             // probe radius and masked pixels come from the calibration
  unsigned threads = 0;                    // 0 = all
  std::size_t pool_slots = 8192;           // frames in flight; fewer for large frames (pool_bytes)
  std::size_t pool_bytes = std::size_t{512} << 20;
  std::size_t recent_frame_bytes = std::size_t{256} << 20;  // live frames kept for looking at them
  double threshold = 0.005;                                 // on the filtered difference confidence
  bool filter_5x5 = true;
  std::uint32_t min_disks = 5;         // fewer: no prediction
  std::vector<CrystalSystem> systems;  // planes that may win; empty = all six
  std::chrono::milliseconds publish_period{33};
  std::chrono::milliseconds scan_timeout{
      10000};  // no frame for so long: the scan is closed, the rest is missing
  LogSink log;
  // Called from the saver's thread for every closed scan, one after the other, and again with a higher
  // revision when frames came late. For saving; the next scan is labelled meanwhile.
  std::function<void(const ScanResult&)> on_scan_closed;
  // The file that a scan's raw frames go to, by the scan's number from 1; its labels follow when it is over.
  // Empty, or an empty path: not recorded.
  std::function<std::filesystem::path(unsigned scan)> record_to;
  std::uint64_t record_reserve_bytes = std::uint64_t{64} << 20;  // left free on the disk
  // How long a frame may be overtaken by others until it is given up.
  FrameOrder::Window reorder_window;
  // Closed scans that history() keeps; each takes about 400 bytes a position.
  std::size_t history_scans = 8;
  std::size_t history_bytes = std::size_t{512} << 20;
};

struct RunTimes {
  std::string started_utc;   // ISO 8601; empty before the first frame
  std::string finished_utc;  // empty while the scan runs
  double seconds = 0;        // from the first frame to the last stored one
  std::uint64_t frames = 0;  // stored in that time
};

// Everything about one position, for a click on the map.
struct PositionDetail {
  ScanPosition position;
  PositionState state = PositionState::pending;
  BraggList disks_px;                 // detector pixels
  BraggList disks_q;                  // 1/Å
  std::optional<PatternLabel> label;  // as predicted
  CrystalSystem filtered_system = CrystalSystem::none;
  std::uint8_t filtered_phase = 0;  // of a specimen model; 0 = none
  PhaseNames phases;
  FrameShape shape;
  PixelType type = PixelType::u16;
  std::vector<std::byte> pixels;      // empty: the frame is no longer kept (draw the disks instead)
  std::array<double, 2> origin_px{};  // row, column
  double pixel_size_inv_angstrom = 0;
  double probe_radius_px = 0;
};

// Control calls (start, stop, close) come from one thread; everything else from any.
class Session {
 public:
  static Expected<std::unique_ptr<Session>> create(SessionConfig config);
  ~Session();  // stops and joins

  // Takes the source and begins to receive. Fails when a session is already running.
  Expected<void> start(std::unique_ptr<FrameSource> source);
  // Ends the scan now: what is in flight is finished, the rest of the scan becomes missing. Idempotent.
  void stop();
  // Blocks until the scan (or the recording) is over and everything is stored, filtered and published. false:
  // timed out.
  bool wait_finished(std::chrono::milliseconds timeout);

  SessionState state() const;
  // false once the source is over or stop() was called: no further scan will come.
  bool is_receiving() const;
  std::string last_error() const;  // empty when there is none
  std::string source_description() const;
  EngineCounters counters() const;
  void reset_counters();  // faults and latencies; states belong to the map and stay

  // Never null after the first scan has started; before that, null.
  std::shared_ptr<const MapSnapshot> snapshot() const;
  // Called after each publication, from an engine thread or from whoever calls set_threshold() and its like;
  // must return at once and must not call back into the session. Replaces the former one, which is not
  // running any more when this returns; empty = none.
  void on_snapshot(std::function<void()> callback);

  // Act on the stored planes at once and publish.
  void set_threshold(double threshold);
  void set_filter(bool on);
  void set_systems(std::vector<CrystalSystem> systems);

  // false when the position is outside the scan or no scan is there.
  bool position_detail(ScanPosition at, PositionDetail& detail) const;
  std::optional<Calibration> calibration() const;
  std::optional<ScanStart> scan_header() const;  // of the scan in snapshot()
  std::shared_ptr<const CrystalModel> model() const;
  SessionConfig config() const;  // with the threshold, filter and systems now in force
  RunTimes times() const;
  // Bragg lists of all positions in 1/Å: offsets has positions + 1 entries. For the result file.
  void copy_peaks(std::vector<std::uint64_t>& offsets, std::vector<float>& qx, std::vector<float>& qy,
                  std::vector<float>& intensity) const;
  // The last closed scans, oldest first.
  std::vector<std::shared_ptr<const ScanResult>> history() const;
  // The scan in snapshot(), running or closed; nullptr before the first one.
  std::shared_ptr<const ScanResult> result() const;

 private:
  class Engine;
  explicit Session(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

// The complete result (planes, raw planes, peaks, settings, checksums) as HDF5, layout in README.md. Written
// beside the target and renamed, so that a full disk leaves no half file. Fails when there is no scan yet.
Expected<void> save_result(const Session& session, const std::filesystem::path& file);

}  // namespace bragglive
