#include "core/calibrate/scan_rotation.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bragglive {
namespace {

// Of the field's two components along the scan's rows and columns.
struct Derivatives {
  std::vector<double> row_down, row_right, col_down, col_right;
};

Derivatives derivatives_of(const MassField& field) {
  Derivatives d;
  const std::size_t cols = field.scan.cols;
  for (std::size_t r = 1; r + 1 < field.scan.rows; ++r)
    for (std::size_t c = 1; c + 1 < cols; ++c) {
      const std::size_t at = r * cols + c;
      const double values[4] = {
          (field.row[at + cols] - field.row[at - cols]) / 2, (field.row[at + 1] - field.row[at - 1]) / 2,
          (field.col[at + cols] - field.col[at - cols]) / 2, (field.col[at + 1] - field.col[at - 1]) / 2};
      if (!std::all_of(values, values + 4, [](double value) { return std::isfinite(value); })) continue;
      d.row_down.push_back(values[0]);
      d.row_right.push_back(values[1]);
      d.col_down.push_back(values[2]);
      d.col_right.push_back(values[3]);
    }
  for (auto* list : {&d.row_down, &d.row_right, &d.col_down, &d.col_right}) {
    double mean = 0;
    for (const double value : *list) mean += value / static_cast<double>(list->size());
    for (double& value : *list) value -= mean;
  }
  return d;
}

ScanRotation rotation_of(const Derivatives& d, bool mirror) {
  const double flip = mirror ? -1 : 1;
  double aa = 0, ab = 0, bb = 0;
  for (std::size_t i = 0; i < d.row_down.size(); ++i) {
    const double a = d.row_down[i] + flip * d.col_right[i];
    const double b = flip * d.col_down[i] - d.row_right[i];
    aa += a * a;
    ab += a * b;
    bb += b * b;
  }
  const double mean = (aa + bb) / 2;
  const double apart = std::hypot((bb - aa) / 2, ab);
  ScanRotation rotation;
  rotation.mirror = mirror;
  if (!(mean + apart > 0)) return rotation;
  rotation.curl = (mean - apart) / (mean + apart);
  // bb cos^2 + 2 ab cos sin + aa sin^2 is smallest a quarter turn (of twice the angle: half) from its
  // largest.
  double degrees = (std::atan2(2 * ab, bb - aa) + std::numbers::pi) / 2 * 180 / std::numbers::pi;
  if (degrees > 90) degrees -= 180;
  rotation.rotation_deg = degrees;
  return rotation;
}

}  // namespace

ScanRotation fit_scan_rotation(const MassField& field) {
  constexpr std::size_t k_least = 100;
  constexpr double k_clear = 0.5;  // curl that is left at most
  constexpr double k_other = 0.7;  // of the curl that the other handedness leaves
  const std::size_t positions = field.scan.positions();
  if (field.scan.rows < 3 || field.scan.cols < 3 || field.row.size() != positions ||
      field.col.size() != positions)
    return {};
  const Derivatives d = derivatives_of(field);
  if (d.row_down.size() < k_least) return {};
  ScanRotation best = rotation_of(d, false);
  ScanRotation other = rotation_of(d, true);
  if (other.curl < best.curl) std::swap(best, other);
  best.found = best.curl < k_clear && best.curl < k_other * other.curl;
  return best;
}

}  // namespace bragglive
