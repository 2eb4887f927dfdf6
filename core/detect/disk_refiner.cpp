#include "core/detect/disk_refiner.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bragglive::detail {

ProbeShape::ProbeShape(double radius_px, double edge_px) : radius_(radius_px) {
  reach_ = radius_px + 1.25 * edge_px;  // T < 0.7 % from there on
  const auto entries = static_cast<std::size_t>(std::ceil(reach_ * reach_ * k_per_px2)) + 1;
  table_.resize(entries);
  limit_ = static_cast<float>(entries);
  for (std::size_t i = 0; i < entries; ++i) {
    const double r = std::sqrt((static_cast<double>(i) + 0.5) / k_per_px2);
    const double t = 1 / (1 + std::exp(4 * (r - radius_px) / edge_px));
    table_[i] = {static_cast<float>(t), static_cast<float>(4 / edge_px * t * (1 - t) / r)};
    area_ += t * std::numbers::pi / k_per_px2;
  }
}

namespace {

struct Normal {
  double h[4][4] = {};
  double g[4] = {};
};

// Solves h x = g in place by Cholesky; false when h is not positive definite.
bool solve(Normal& n) {
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j <= i; ++j) {
      double sum = n.h[i][j];
      for (int k = 0; k < j; ++k) sum -= n.h[i][k] * n.h[j][k];
      if (i != j) {
        n.h[i][j] = sum / n.h[j][j];
      } else {
        if (!(sum > 1e-12)) return false;
        n.h[i][i] = std::sqrt(sum);
      }
    }
  }
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < i; ++k) n.g[i] -= n.h[i][k] * n.g[k];
    n.g[i] /= n.h[i][i];
  }
  for (int i = 3; i >= 0; --i) {
    for (int k = i + 1; k < 4; ++k) n.g[i] -= n.h[k][i] * n.g[k];
    n.g[i] /= n.h[i][i];
  }
  return true;
}

}  // namespace

DiskFit fit_disk(const ImageView& image, const ProbeShape& probe, const DiskFit& start,
                 const DiskFit* const* others, int other_count, float noise_scale) noexcept {
  constexpr int k_steps = 4;
  const float window = static_cast<float>(probe.reach()) + 1.5f;
  const float window2 = window * window;
  const int row0 = std::max(0, static_cast<int>(std::ceil(start.row - window)));
  const int row1 = std::min(image.rows - 1, static_cast<int>(std::floor(start.row + window)));
  const int col0 = std::max(0, static_cast<int>(std::ceil(start.col - window)));
  const int col1 = std::min(image.cols - 1, static_cast<int>(std::floor(start.col + window)));
  DiskFit fit = start;
  const float max_shift = std::max(1.0f, 0.35f * static_cast<float>(probe.radius()));
  for (int step = 0; step < k_steps; ++step) {
    Normal n;
    const float floor_counts = std::max(fit.background, 0.0f) + 0.02f * std::max(fit.height, 0.0f) + 0.01f;
    for (int row = row0; row <= row1; ++row) {
      const float dr = static_cast<float>(row) - fit.row;
      const float wr = static_cast<float>(row) - start.row;
      for (int col = col0; col <= col1; ++col) {
        const float wc = static_cast<float>(col) - start.col;
        if (wr * wr + wc * wc > window2) continue;
        const float dc = static_cast<float>(col) - fit.col;
        const ProbeShape::Value t = probe.at(dr * dr + dc * dc);
        float rest = 0;
        for (int o = 0; o < other_count; ++o) {
          const float orow = static_cast<float>(row) - others[o]->row;
          const float ocol = static_cast<float>(col) - others[o]->col;
          rest += others[o]->height * probe.at(orow * orow + ocol * ocol).height;
        }
        const float expected = fit.background + fit.height * t.height + rest;
        const float weight = 1 / std::max(expected, floor_counts);
        const float residual = static_cast<float>(image.data[row * image.stride + col]) - expected;
        const float d[4] = {t.height, 1, fit.height * t.slope * dr, fit.height * t.slope * dc};
        for (int i = 0; i < 4; ++i) {
          n.g[i] += static_cast<double>(weight * d[i] * residual);
          for (int j = 0; j <= i; ++j) n.h[i][j] += static_cast<double>(weight * d[i] * d[j]);
        }
      }
    }
    // The position is damped a little, so that a disk of a few counts cannot run away.
    n.h[2][2] += 0.05;
    n.h[3][3] += 0.05;
    if (!solve(n)) return start;
    fit.height += static_cast<float>(n.g[0]);
    fit.background += static_cast<float>(n.g[1]);
    const float step_row = std::clamp(static_cast<float>(n.g[2]), -0.5f, 0.5f);
    const float step_col = std::clamp(static_cast<float>(n.g[3]), -0.5f, 0.5f);
    fit.row += step_row;
    fit.col += step_col;
    if (!(std::abs(fit.row - start.row) <= max_shift && std::abs(fit.col - start.col) <= max_shift) ||
        !(fit.height > 0))
      return start;
    if (std::abs(step_row) + std::abs(step_col) < 0.003f) break;
  }
  fit.background = std::max(fit.background, 0.0f);
  const double background = static_cast<double>(fit.background) + 0.01;
  fit.significance =
      static_cast<float>(static_cast<double>(fit.height) *
                         std::sqrt(probe.area() / (background * static_cast<double>(noise_scale))));
  fit.good = true;
  return fit;
}

}  // namespace bragglive::detail
