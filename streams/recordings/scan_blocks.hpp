// The order in which the frames of a chunked dataset are read: scan chunk by scan chunk, so that none is
// decompressed twice.
#pragma once
#include <algorithm>
#include <cstdint>

#include "core/frame/scan_geometry.hpp"

namespace bragglive {

struct ScanBlock {
  std::uint32_t row = 0, col = 0, rows = 0, cols = 0;
  bool contains(ScanPosition at) const {
    return at.row >= row && at.row < row + rows && at.col >= col && at.col < col + cols;
  }
};

class ScanBlocks {
 public:
  ScanBlocks(ScanShape scan, ScanShape block)
      : scan_(scan), block_{std::clamp(block.rows, 1U, scan.rows), std::clamp(block.cols, 1U, scan.cols)} {}

  // step 0 … positions - 1, block by block and row-major inside a block.
  ScanPosition position_at(std::uint64_t step) const {
    const std::uint64_t band_steps = std::uint64_t{block_.rows} * scan_.cols;
    const auto band = static_cast<std::uint32_t>(step / band_steps) * block_.rows;
    const std::uint32_t height = std::min(block_.rows, scan_.rows - band);
    const std::uint64_t inside = step % band_steps;
    const std::uint64_t block_steps = std::uint64_t{height} * block_.cols;
    const auto left = static_cast<std::uint32_t>(inside / block_steps) * block_.cols;
    const std::uint32_t width = std::min(block_.cols, scan_.cols - left);
    const auto rest = static_cast<std::uint32_t>(inside % block_steps);
    return {band + rest / width, left + rest % width};
  }

  ScanBlock block_of(ScanPosition at) const {
    const std::uint32_t row = at.row / block_.rows * block_.rows, col = at.col / block_.cols * block_.cols;
    return {row, col, std::min(block_.rows, scan_.rows - row), std::min(block_.cols, scan_.cols - col)};
  }

 private:
  ScanShape scan_, block_;
};

}  // namespace bragglive
