// Where disks may be: local maxima of the disk sum that counting statistics cannot explain by the background
// around them.
#pragma once
#include <cstdint>
#include <vector>

#include "core/detect/disk_detector.hpp"
#include "core/detect/frame_loader.hpp"

namespace bragglive::detail {

struct Candidate {
  float row = 0, col = 0;        // px, interpolated
  float counts = 0;              // above the local background
  float background = 0;          // counts per pixel
  float by_row = 0, by_col = 0;  // its slope, counts per pixel and pixel
  float sharp = 0;               // disk sum above the ring close around it: largest where the disk fits best
};

struct SearchScratch {
  std::vector<std::int32_t> columns, sums;
  std::vector<float> sharp;
  std::vector<std::uint16_t> found;
  std::vector<float> noise;
  std::vector<Candidate> candidates;
  std::size_t stride = 0, origin = 0, rows = 0;
};

// Fills scratch.candidates, the best fitting (largest `sharp`) first. Returns the variance per count that was
// used.
double find_candidates(const DiskDetector::Plan& plan, const WorkingFrame& frame,
                       SearchScratch& scratch) noexcept;

}  // namespace bragglive::detail
