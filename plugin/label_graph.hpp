// The oneTBB flow graph of one scan: decode -> Bragg disks -> features -> forests (in small batches) ->
// store.
#pragma once
#include <cstdint>
#include <memory>

#include "core/calibrate/calibration.hpp"
#include "core/detect/disk_detector.hpp"
#include "core/label/crystal_model.hpp"
#include "core/label/label_map.hpp"
#include "plugin/engine_counters.hpp"
#include "plugin/frame_pool.hpp"
#include "plugin/recent_frames.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

struct LabelGraphSettings {
  ScanStart scan;
  std::uint32_t min_disks = 5;
  unsigned threads = 1;
  bool keep_recent = false;  // move payloads to `recent` when done
};

// submit() and drain() come from one thread, flush_older_than() from any. Every submitted slot ends in the
// map and goes back to the pool.
class LabelGraph {
 public:
  LabelGraph(LabelGraphSettings settings, const Calibration& calibration, DiskDetector detector,
             std::shared_ptr<const CrystalModel> model, LabelMap& map, FramePool& pool, RecentFrames& recent,
             CounterBoard& counters);
  ~LabelGraph();  // drains

  void submit(FrameSlot* slot);
  // A batch that waits longer than this is sent on although it is not full.
  void flush_older_than(std::chrono::nanoseconds age);
  // Returns when every submitted slot has been stored.
  void drain();

 private:
  struct Nodes;
  std::unique_ptr<Nodes> nodes_;
};

}  // namespace bragglive
