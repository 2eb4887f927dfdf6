#include "core/detect/wide_background.hpp"

#include <algorithm>
#include <cstring>

#include "core/detect/disk_plan.hpp"

namespace bragglive::detail {

void WideBackground::find(const DiskDetector::Plan& p, const ReducedFrame& frame) noexcept {
  constexpr float k_uncut = 1e30f;
  constexpr int k_least_tiles = 16;  // along each side: disks fill less of a wide neighbourhood
  constexpr double k_few = 12;       // counts on a disk's area, in the mean over the frame
  constexpr Cell k_most = 1000;      // of a cell: a tile's column then fits 16 bits
  const double cells = static_cast<double>(p.cell_rows) * p.cell_cols;
  variance_ = static_cast<float>(frame.noise.per_count);
  tile_ = 2 * static_cast<int>(p.outer.size()) - 1;
  few_ = frame.shift == 0 && frame.total / cells * p.disk_cells < k_few * frame.noise.per_count;
  used_ = few_ && std::min(p.cell_rows, p.cell_cols) >= k_least_tiles * tile_;
  if (!used_) return;
  // Whole tiles only: the few cells beyond take the last one's value.
  rows_ = p.cell_rows / tile_;
  cols_ = p.cell_cols / tile_;
  cells_ = static_cast<float>(tile_ * tile_);
  const auto tiles = static_cast<std::size_t>(rows_) * static_cast<std::size_t>(cols_);
  sums_.resize(tiles);
  mean_.assign(tiles, 1);
  lines_.resize(tiles);
  const auto width = static_cast<std::size_t>(cols_ * tile_);
  columns_.resize(width + 8);
  for (int tile_row = 0; tile_row < rows_; ++tile_row) {
    using Run = Cell __attribute__((vector_size(16)));
    constexpr std::size_t k_run = 8;
    const Run most = {k_most, k_most, k_most, k_most, k_most, k_most, k_most, k_most};
    const Cell* const top =
        frame.cells.data() + p.origin + static_cast<std::size_t>(tile_row * tile_) * p.stride;
    for (std::size_t col = 0; col < width; col += k_run) {
      Run sum = {};
      for (int row = 0; row < tile_; ++row) {
        Run line;
        std::memcpy(&line, top + static_cast<std::size_t>(row) * p.stride + col, sizeof line);
        sum += line < most ? line : most;
      }
      std::memcpy(columns_.data() + col, &sum, sizeof sum);
    }
    float* sum = sums_.data() + tile_row * cols_;
    const Cell* column = columns_.data();
    for (int tile = 0; tile < cols_; ++tile) {
      int in_tile = 0;
      for (int col = 0; col < tile_; ++col) in_tile += *column++;
      sum[tile] = static_cast<float>(in_tile);
    }
  }
  average(k_uncut);
  average(2);
  for (float& mean : mean_) mean /= cells_;
}

// Box means of the tiles, each at most so many times what the last round found there, and a count.
void WideBackground::average(float most) noexcept {
  constexpr int k_reach = 2;
  const auto inside = [](int i, int count) {
    return static_cast<float>(std::min(i + k_reach, count - 1) - std::max(i - k_reach, 0) + 1);
  };
  // Zeros beside each row, so that every sum has five parts.
  const std::size_t width = static_cast<std::size_t>(cols_) + 2 * k_reach;
  line_.assign(width, 0);
  share_.resize(static_cast<std::size_t>(cols_));
  for (int col = 0; col < cols_; ++col) share_[static_cast<std::size_t>(col)] = 1 / inside(col, cols_);
  for (int row = 0; row < rows_; ++row) {
    const float* sum = sums_.data() + row * cols_;
    const float* mean = mean_.data() + row * cols_;
    float* padded = line_.data();
    for (int col = 0; col < cols_; ++col)
      padded[col + k_reach] = std::min(sum[col], most * mean[col] + variance_);
    float* to = lines_.data() + row * cols_;
    for (int col = 0; col < cols_; ++col)
      to[col] = ((padded[col] + padded[col + 1]) + (padded[col + 2] + padded[col + 3]) + padded[col + 4]) *
                share_[static_cast<std::size_t>(col)];
  }
  for (int row = 0; row < rows_; ++row) {
    float* to = mean_.data() + row * cols_;
    const float share = 1 / inside(row, rows_);
    std::fill(to, to + cols_, 0.0f);
    for (int from = std::max(0, row - k_reach); from <= std::min(rows_ - 1, row + k_reach); ++from)
      for (int col = 0; col < cols_; ++col)
        to[col] += share * lines_[static_cast<std::size_t>(from * cols_ + col)];
  }
}

}  // namespace bragglive::detail
