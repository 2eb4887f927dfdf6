#include "core/detect/probe_image.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive {
namespace {
constexpr std::uint32_t k_largest_side = 511;
}  // namespace

Expected<void> validate(const ProbeImage& probe) {
  const std::size_t pixels = static_cast<std::size_t>(probe.side) * probe.side;
  if (probe.side < 3 || probe.side > k_largest_side || probe.side % 2 == 0 || probe.values.size() != pixels)
    return fail(ErrorArea::shape,
                "probe image: {} values for a side of {}; the side must be odd, from 3 to {}",
                probe.values.size(), probe.side, k_largest_side);
  const bool good = std::all_of(probe.values.begin(), probe.values.end(),
                                [](float value) { return std::isfinite(value) && value >= 0; });
  const bool any =
      std::any_of(probe.values.begin(), probe.values.end(), [](float value) { return value > 0; });
  if (!good || !any)
    return fail(ErrorArea::numeric, "probe image: its values must be finite, not negative and not all zero");
  return {};
}

double disk_likeness(const ProbeImage& probe, double radius_px) {
  const double middle = probe.side / 2;
  const auto n = static_cast<double>(probe.values.size());
  double best = 0;
  for (int step = -6; step <= 6; ++step)
    for (const double edge : {0.8, 1.2, 2.0, 3.5}) {
      const double radius = radius_px * (1 + step / 18.0);
      double t1 = 0, t2 = 0, v1 = 0, v2 = 0, tv = 0;
      for (std::uint32_t row = 0; row < probe.side; ++row)
        for (std::uint32_t col = 0; col < probe.side; ++col) {
          const double r = std::hypot(row - middle, col - middle);
          const double t = 1 / (1 + std::exp(std::min(700.0, 4 * (r - radius) / edge)));
          const auto v = static_cast<double>(probe.at(row, col));
          t1 += t;
          t2 += t * t;
          v1 += v;
          v2 += v * v;
          tv += t * v;
        }
      const double spread = (t2 - t1 * t1 / n) * (v2 - v1 * v1 / n);
      if (spread > 0) best = std::max(best, (tv - t1 * v1 / n) / std::sqrt(spread));
    }
  return best;
}

}  // namespace bragglive
