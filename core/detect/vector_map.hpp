// The Bragg vector map: where in reciprocal space the disks of a whole scan lie.
#pragma once
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/detect/bragg_list.hpp"

namespace bragglive {

// A square histogram of intensities over qx, qy from -limit to +limit, weights shared between the four
// nearest cells.
class BraggVectorMap {
 public:
  // `side` cells per axis, at least 2; `limit` in the unit of the lists, above 0.
  BraggVectorMap(std::size_t side, double limit) : side_(side), limit_(limit), cells_(side * side) {}

  // Disks outside the map and values that are not finite are left out.
  void add(const BraggList& disks) noexcept {
    const double last = static_cast<double>(side_) - 1;
    for (const BraggPeak& disk : disks) {
      const double row = (disk.qx / limit_ + 1) / 2 * last;
      const double col = (disk.qy / limit_ + 1) / 2 * last;
      if (!(row >= 0 && row < last && col >= 0 && col < last) || !std::isfinite(disk.intensity)) continue;
      const auto r = static_cast<std::size_t>(row);
      const auto c = static_cast<std::size_t>(col);
      const double fr = row - static_cast<double>(r);
      const double fc = col - static_cast<double>(c);
      double* at = cells_.data() + r * side_ + c;
      at[0] += disk.intensity * (1 - fr) * (1 - fc);
      at[1] += disk.intensity * (1 - fr) * fc;
      at[side_] += disk.intensity * fr * (1 - fc);
      at[side_ + 1] += disk.intensity * fr * fc;
    }
  }

  void clear() noexcept { cells_.assign(cells_.size(), 0.0); }
  std::size_t side() const { return side_; }
  double limit() const { return limit_; }
  const std::vector<double>& cells() const { return cells_; }  // row-major, row = qx

 private:
  std::size_t side_;
  double limit_;
  std::vector<double> cells_;
};

}  // namespace bragglive
