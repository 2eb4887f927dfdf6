// The background of frames with few counts, from a wide neighbourhood: eight disk areas beside a disk hold
// nothing then, and nothing does not say how much to expect.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/detect/disk_detector.hpp"
#include "core/detect/reduced_frame.hpp"

namespace bragglive::detail {

class WideBackground {
 public:
  // Sums of tiles about as wide as a disk; of each the mean over the 5 x 5 around it, tiles with disks cut
  // down to what the others make likely. Does nothing (see `used`) where a disk's area holds many
  // counts.
  void find(const DiskDetector::Plan& plan, const ReducedFrame& frame) noexcept;
  bool used() const { return used_; }
  bool few() const { return few_; }  // a disk's area holds a handful of counts in the mean
  // Counts per cell at this cell.
  float at(int row, int col) const {
    const int down = std::min(row / tile_, rows_ - 1);
    return mean_[static_cast<std::size_t>(down * cols_ + std::min(col / tile_, cols_ - 1))];
  }

 private:
  void average(float most) noexcept;

  bool used_ = false, few_ = false;
  int tile_ = 1, rows_ = 0, cols_ = 0;
  float cells_ = 1, variance_ = 1;
  std::vector<float> sums_, mean_, lines_, line_, share_;
  std::vector<Cell> columns_;
};

}  // namespace bragglive::detail
