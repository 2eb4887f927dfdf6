#include "core/detect/wide_background.hpp"

#include <algorithm>
#include <array>
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
  tile_ = 2 * static_cast<int>(p.outer_levels.size()) - 1;
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
  static constexpr std::array<float, 2 * k_reach + 2> k_share{0, 1, 1.0f / 2, 1.0f / 3, 1.0f / 4, 1.0f / 5};
  const auto box = [](const float* from, float* to, int count, int step) {
    float sum = 0;
    int inside = 0;
    for (int i = -k_reach; i < count; ++i) {
      if (i + k_reach < count) {
        sum += from[(i + k_reach) * step];
        ++inside;
      }
      if (i - k_reach > 0) {
        sum -= from[(i - k_reach - 1) * step];
        --inside;
      }
      if (i >= 0) to[i * step] = sum * k_share[inside];
    }
  };
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const float usual = mean_[i];
    mean_[i] = std::min(sums_[i], most * usual + variance_);
  }
  for (int row = 0; row < rows_; ++row)
    box(mean_.data() + row * cols_, lines_.data() + row * cols_, cols_, 1);
  for (int col = 0; col < cols_; ++col) box(lines_.data() + col, mean_.data() + col, rows_, cols_);
}

}  // namespace bragglive::detail
