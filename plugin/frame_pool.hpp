// The fixed set of frames in flight. It is the engine's only limiter: no slot, no frame.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/detect/disk_detector.hpp"
#include "core/label/pattern_label.hpp"
#include "core/label/position_state.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

// One frame on its way through the graph. Buffers keep their capacity between frames.
struct FrameSlot {
  FrameMessage message;
  std::uint64_t received_ns = 0;
  PositionState outcome = PositionState::labelled;  // until a stage finds out otherwise
  BraggList disks;                                  // 1/Å after the detect stage
  FrameSums sums;
  std::vector<float> features;
  PatternLabel label;
};

// Thread-safe.
class FramePool {
 public:
  explicit FramePool(std::size_t slots);

  // nullptr at once when every slot is in use (live mode).
  FrameSlot* try_acquire();
  // Waits at most `timeout` (replay).
  FrameSlot* acquire_for(std::chrono::milliseconds timeout);
  void release(FrameSlot* slot);
  std::size_t size() const { return slots_.size(); }
  std::size_t in_use() const;

 private:
  std::vector<std::unique_ptr<FrameSlot>> slots_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<FrameSlot*> free_;
};

}  // namespace bragglive
