#include "core/calibrate/origin_fit.hpp"

#include <algorithm>
#include <cmath>

#include "core/calibrate/robust_fit.hpp"

namespace bragglive {
namespace {

// Columns of the plane that the samples can tell apart: 1, and row and column where they vary.
Eigen::MatrixXd design_of(const std::vector<OriginSample>& samples, bool rows, bool cols) {
  Eigen::MatrixXd design(static_cast<Eigen::Index>(samples.size()), 1 + rows + cols);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto at = static_cast<Eigen::Index>(i);
    design(at, 0) = 1;
    if (rows) design(at, 1) = samples[i].at.row;
    if (cols) design(at, 1 + rows) = samples[i].at.col;
  }
  return design;
}

std::array<double, 3> plane_of(const RobustFit& fit, bool rows, bool cols) {
  std::array<double, 3> plane{fit.parameters[0], 0, 0};
  if (rows) plane[1] = fit.parameters[1];
  if (cols) plane[2] = fit.parameters[1 + rows];
  return plane;
}

}  // namespace

Expected<OriginFit> fit_origin(const std::vector<OriginSample>& samples) {
  constexpr std::size_t k_plane_needs = 12;
  if (samples.empty()) return fail(ErrorArea::numeric, "origin: no pattern shows the direct beam");
  const auto [row_low, row_high] = std::minmax_element(
      samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.at.row < b.at.row; });
  const auto [col_low, col_high] = std::minmax_element(
      samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.at.col < b.at.col; });
  const bool enough = samples.size() >= k_plane_needs;
  const bool rows = enough && row_high->at.row >= row_low->at.row + 2;
  const bool cols = enough && col_high->at.col >= col_low->at.col + 2;
  const Eigen::MatrixXd design = design_of(samples, rows, cols);
  const auto count = static_cast<Eigen::Index>(samples.size());
  Eigen::VectorXd row_values(count);
  Eigen::VectorXd col_values(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    row_values[i] = samples[static_cast<std::size_t>(i)].row;
    col_values[i] = samples[static_cast<std::size_t>(i)].col;
  }
  const RobustFit row_fit = robust_fit(design, row_values);
  const RobustFit col_fit = robust_fit(design, col_values);
  if (!row_fit.good || !col_fit.good)
    return fail(ErrorArea::numeric, "origin: the {} beam positions do not agree on a plane", samples.size());
  OriginFit fit;
  fit.row = plane_of(row_fit, rows, cols);
  fit.col = plane_of(col_fit, rows, cols);
  fit.scatter_px = std::sqrt((row_fit.scatter * row_fit.scatter + col_fit.scatter * col_fit.scatter) / 2);
  for (Eigen::Index i = 0; i < count; ++i)
    (row_fit.weights[i] > 0 && col_fit.weights[i] > 0 ? fit.used : fit.outliers)++;
  return fit;
}

std::optional<BraggPeak> brightest_near(const BraggList& disks, double row, double col, double radius_px) {
  const BraggPeak* best = nullptr;
  for (const BraggPeak& disk : disks)
    if (std::hypot(disk.qx - row, disk.qy - col) <= radius_px && (!best || disk.intensity > best->intensity))
      best = &disk;
  if (!best) return std::nullopt;
  return *best;
}

std::optional<BraggPeak> friedel_centre(const BraggList& disks, double row, double col, double radius_px) {
  constexpr std::size_t k_most = 40;
  constexpr double k_together = 1.0;  // px: midpoints that belong to one centre
  std::vector<BraggPeak> middles;
  const std::size_t n = std::min(disks.size(), k_most);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) {
      const BraggPeak middle{(disks[i].qx + disks[j].qx) / 2, (disks[i].qy + disks[j].qy) / 2,
                             std::sqrt(std::min(disks[i].intensity, disks[j].intensity))};
      if (std::hypot(middle.qx - row, middle.qy - col) <= radius_px) middles.push_back(middle);
    }
  std::optional<BraggPeak> best;
  std::size_t best_pairs = 1;  // one pair alone proves nothing
  for (const BraggPeak& start : middles) {
    BraggPeak sum;
    std::size_t pairs = 0;
    for (const BraggPeak& other : middles) {
      if (std::hypot(other.qx - start.qx, other.qy - start.qy) > k_together) continue;
      sum.qx += other.qx * other.intensity;
      sum.qy += other.qy * other.intensity;
      sum.intensity += other.intensity;
      ++pairs;
    }
    if (pairs < best_pairs || pairs < 2 || (best && pairs == best_pairs && sum.intensity <= best->intensity))
      continue;
    best_pairs = pairs;
    best = BraggPeak{sum.qx / sum.intensity, sum.qy / sum.intensity, sum.intensity};
  }
  return best;
}

}  // namespace bragglive
