#include "core/detect/disk_template.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bragglive::detail {
namespace {
constexpr std::size_t k_largest_table = std::size_t{2} << 20;  // floats
constexpr std::size_t k_multiple = 16;
const double k_gauss = 0.5 / std::sqrt(3.0);  // px
}  // namespace

DiskTemplates::DiskTemplates(double radius_px, double recorded_edge_px) : radius_(radius_px) {
  // What the pixels record is wider than the disk's own edge: (pi w / 4)^2 / 3 + 1 / 12 px^2 add up.
  const double own = recorded_edge_px * recorded_edge_px - 4 / (std::numbers::pi * std::numbers::pi);
  edge_ = std::sqrt(std::max(own, 0.3 * 0.3));
  reach_ = radius_px + edge_;
  window_ = reach_ + std::max(1.5, 0.3 * radius_px);
  lay_out();
  const double step = edge_ / 64;
  for (double r = step / 2; r < radius_px + 5 * edge_; r += step)
    area_ += 2 * std::numbers::pi * r * step / (1 + std::exp(4 * (r - radius_px) / edge_));
  constexpr std::size_t k_templates = (k_phases + 1) * (k_phases + 1);
  if (k_templates * 3 * size_ > k_largest_table) return;
  table_.resize(k_templates * 3 * size_);
  for (int i = 0; i <= k_phases; ++i)
    for (int j = 0; j <= k_phases; ++j)
      sample(static_cast<double>(i) / k_phases - 0.5, static_cast<double>(j) / k_phases - 0.5,
             table_.data() + static_cast<std::size_t>(i * (k_phases + 1) + j) * 3 * size_);
}

void DiskTemplates::lay_out() {
  half_ = static_cast<int>(window_);
  for (int row = -half_; row <= half_; ++row) {
    const WindowRow line{static_cast<int>(std::sqrt(window_ * window_ - row * row)), pixels_};
    pixels_ += static_cast<std::size_t>(2 * line.half + 1);
    rows_.push_back(line);
    for (int col = -line.half; col <= line.half; ++col) {
      inside_.push_back(1);
      outside_.push_back(std::hypot(row, col) > reach_ + 0.5 ? 1.0f : 0.0f);
      row_.push_back(static_cast<float>(row));
      col_.push_back(static_cast<float>(col));
    }
  }
  size_ = (pixels_ + k_multiple - 1) / k_multiple * k_multiple;
  for (std::vector<float>* image : {&inside_, &outside_, &row_, &col_}) image->resize(size_, 0.0f);
}

void DiskTemplates::sample(double row, double col, float* out) const noexcept {
  std::fill(out, out + 3 * size_, 0.0f);
  for (std::size_t at = 0; at < pixels_; ++at) {
    // The mean over the pixel, from Gauss and Legendre's two points along each axis.
    double sums[3] = {};
    for (const double down : {-k_gauss, k_gauss})
      for (const double right : {-k_gauss, k_gauss}) {
        const double dr = static_cast<double>(row_[at]) + down - row;
        const double dc = static_cast<double>(col_[at]) + right - col;
        const double r = std::sqrt(dr * dr + dc * dc);
        const double t = 1 / (1 + std::exp(4 * (r - radius_) / edge_));
        const double slope = 4 / edge_ * t * (1 - t) / std::max(r, 1e-6);
        sums[0] += t;
        sums[1] += slope * dr;
        sums[2] += slope * dc;
      }
    for (std::size_t i = 0; i < 3; ++i) out[i * size_ + at] = static_cast<float>(sums[i] / 4);
  }
}

TemplateView DiskTemplates::nearest(float& row, float& col) const noexcept {
  const int i = std::clamp(static_cast<int>((row + 0.5f) * k_phases + 0.5f), 0, k_phases);
  const int j = std::clamp(static_cast<int>((col + 0.5f) * k_phases + 0.5f), 0, k_phases);
  row -= static_cast<float>(i) / k_phases - 0.5f;
  col -= static_cast<float>(j) / k_phases - 0.5f;
  const float* at = tabulated(i, j);
  return {at, at + size_, at + 2 * size_};
}

TemplateMix DiskTemplates::between(float row, float col) const noexcept {
  const float along_row = (row + 0.5f) * k_phases;
  const float along_col = (col + 0.5f) * k_phases;
  const int i = std::clamp(static_cast<int>(along_row), 0, k_phases - 1);
  const int j = std::clamp(static_cast<int>(along_col), 0, k_phases - 1);
  const float down = along_row - static_cast<float>(i);
  const float right = along_col - static_cast<float>(j);
  TemplateMix mix;
  for (int k = 0; k < 4; ++k) {
    const int to_row = k / 2;
    const int to_col = k % 2;
    mix.corner[k] = tabulated(i + to_row, j + to_col);
    mix.weight[k] = (to_row ? down : 1 - down) * (to_col ? right : 1 - right);
    mix.by_row[k] = 0.5f * mix.weight[k] * (down - static_cast<float>(to_row)) / k_phases;
    mix.by_col[k] = 0.5f * mix.weight[k] * (right - static_cast<float>(to_col)) / k_phases;
  }
  return mix;
}

}  // namespace bragglive::detail
