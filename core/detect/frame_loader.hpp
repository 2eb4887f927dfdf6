// A frame of any pixel type as padded whole-number counts, masked pixels replaced.
#pragma once
#include <cstdint>
#include <vector>

#include "core/detect/disk_detector.hpp"

namespace bragglive::detail {

struct WorkingFrame {
  std::vector<std::uint16_t> narrow;  // padded, used when wide == false
  std::vector<std::uint32_t> wide_image;
  bool wide = false;
  double unit = 1;                   // counts of the frame per count here
  double total = 0;                  // sum, in counts here
  std::size_t stride = 0, rows = 0;  // layout the buffers were made for
  std::size_t origin = 0;
};

// Floats and large integers are scaled so that a disk's sum stays below 2^29. Negative values count as zero.
DetectStatus load_frame(const DiskDetector::Plan& plan, const FrameView& frame, WorkingFrame& out) noexcept;

}  // namespace bragglive::detail
