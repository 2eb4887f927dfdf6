#include "core/bloch/scan/disk_sectors.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bragglive {

DiskSectors::DiskSectors(std::uint32_t samples) : centres_{{0, 0}} {
  int rings = 0;
  while (3U * static_cast<std::uint32_t>((rings + 1) * (rings + 2)) + 1 <= samples) ++rings;
  const double spacing = 2.0 / (2 * rings + 1);  // rings of cells of nearly equal area
  for (int ring = 1; ring <= rings; ++ring)
    for (int i = 0; i < 6 * ring; ++i) {
      const double angle = 2 * std::numbers::pi * (i + 0.5) / (6 * ring);
      centres_.push_back({ring * spacing * std::cos(angle), ring * spacing * std::sin(angle)});
    }
  width_ = 0.4 * spacing;
  shares_.assign(centres_.size(), 0.0);
  std::vector<double> w(centres_.size());
  constexpr int k_grid = 60;
  double total = 0;
  for (int i = 0; i < k_grid; ++i)
    for (int j = 0; j < k_grid; ++j) {
      const double x = (2 * i + 1.0) / k_grid - 1, y = (2 * j + 1.0) / k_grid - 1;
      if (x * x + y * y > 1) continue;
      weights(x, y, w);
      for (std::size_t k = 0; k < w.size(); ++k) shares_[k] += w[k];
      total += 1;
    }
  for (double& share : shares_) share /= total;
}

void DiskSectors::weights(double x, double y, std::span<double> out) const {
  // Far outside the disk all of them vanish; the nearest is taken as the unit so that the sum never does.
  double nearest = 1e300;
  for (std::size_t k = 0; k < centres_.size(); ++k) {
    const double dx = x - centres_[k][0], dy = y - centres_[k][1];
    out[k] = dx * dx + dy * dy;
    nearest = std::min(nearest, out[k]);
  }
  double sum = 0;
  for (double& value : out) sum += value = std::exp(-(value - nearest) / (2 * width_ * width_));
  for (double& value : out) value /= sum;
}

}  // namespace bragglive
