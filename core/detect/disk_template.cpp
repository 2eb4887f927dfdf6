#include "core/detect/disk_template.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bragglive::detail {
namespace {
constexpr std::size_t k_largest_table = std::size_t{2} << 20;  // floats
constexpr std::size_t k_row_multiple = 16;
const double k_gauss = 0.5 / std::sqrt(3.0);  // px
}  // namespace

DiskTemplates::DiskTemplates(double radius_px, double recorded_edge_px) : radius_(radius_px) {
  // What the pixels record is wider than the disk's own edge: (pi w / 4)^2 / 3 + 1 / 12 px^2 add up.
  const double own = recorded_edge_px * recorded_edge_px - 4 / (std::numbers::pi * std::numbers::pi);
  const double edge_px = std::sqrt(std::max(own, 0.3 * 0.3));
  edge_ = edge_px;
  reach_ = radius_px + edge_px;
  const double window = reach_ + std::max(1.5, 0.3 * radius_px);
  half_ = static_cast<int>(std::ceil(window));
  side_ = static_cast<std::size_t>(2 * half_ + 1);
  stride_ = (side_ + k_row_multiple - 1) / k_row_multiple * k_row_multiple;
  inside_.assign(size(), 0);
  outside_.assign(size(), 0);
  for (int row = -half_; row <= half_; ++row)
    for (int col = -half_; col <= half_; ++col)
      if (std::hypot(row, col) <= window) {
        const std::size_t at =
            static_cast<std::size_t>(row + half_) * stride_ + static_cast<std::size_t>(col + half_);
        inside_[at] = 1;
        if (std::hypot(row, col) > reach_ + 0.5) outside_[at] = 1;
      }
  const double step = edge_px / 64;
  for (double r = step / 2; r < radius_px + 5 * edge_px; r += step)
    area_ += 2 * std::numbers::pi * r * step / (1 + std::exp(4 * (r - radius_px) / edge_px));
  constexpr std::size_t k_templates = (k_phases + 1) * (k_phases + 1);
  if (k_templates * 3 * size() > k_largest_table) return;
  table_.resize(k_templates * 3 * size());
  for (int i = 0; i <= k_phases; ++i)
    for (int j = 0; j <= k_phases; ++j)
      sample(static_cast<double>(i) / k_phases - 0.5, static_cast<double>(j) / k_phases - 0.5,
             table_.data() + static_cast<std::size_t>(i * (k_phases + 1) + j) * 3 * size());
}

void DiskTemplates::sample(double row, double col, float* out) const noexcept {
  float* height = out;
  float* by_row = out + size();
  float* by_col = out + 2 * size();
  std::fill(out, out + 3 * size(), 0.0f);
  for (int i = -half_; i <= half_; ++i)
    for (int j = -half_; j <= half_; ++j) {
      // The mean over the pixel, from Gauss and Legendre's two points along each axis.
      double sums[3] = {};
      for (const double down : {-k_gauss, k_gauss})
        for (const double right : {-k_gauss, k_gauss}) {
          const double dr = i + down - row;
          const double dc = j + right - col;
          const double r = std::sqrt(dr * dr + dc * dc);
          const double t = 1 / (1 + std::exp(4 * (r - radius_) / edge_));
          const double slope = 4 / edge_ * t * (1 - t) / std::max(r, 1e-6);
          sums[0] += t;
          sums[1] += slope * dr;
          sums[2] += slope * dc;
        }
      const std::size_t at =
          static_cast<std::size_t>(i + half_) * stride_ + static_cast<std::size_t>(j + half_);
      height[at] = static_cast<float>(sums[0] / 4);
      by_row[at] = static_cast<float>(sums[1] / 4);
      by_col[at] = static_cast<float>(sums[2] / 4);
    }
}

TemplateView DiskTemplates::exact(float& row, float& col, float* scratch) const noexcept {
  sample(static_cast<double>(row), static_cast<double>(col), scratch);
  row = col = 0;
  return {scratch, scratch + size(), scratch + 2 * size()};
}

TemplateView DiskTemplates::nearest(float& row, float& col, float* scratch) const noexcept {
  if (table_.empty()) return exact(row, col, scratch);
  const int i = std::clamp(static_cast<int>((row + 0.5f) * k_phases + 0.5f), 0, k_phases);
  const int j = std::clamp(static_cast<int>((col + 0.5f) * k_phases + 0.5f), 0, k_phases);
  row -= static_cast<float>(i) / k_phases - 0.5f;
  col -= static_cast<float>(j) / k_phases - 0.5f;
  const float* at = table_.data() + static_cast<std::size_t>(i * (k_phases + 1) + j) * 3 * size();
  return {at, at + size(), at + 2 * size()};
}

}  // namespace bragglive::detail
