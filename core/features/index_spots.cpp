#include "core/features/index_spots.hpp"

#include <algorithm>
#include <cmath>

#include "core/features/polar_features.hpp"

namespace bragglive::indexing {

double wavelength_of(double kilovolt) noexcept {
  const double volt = 1000 * kilovolt;
  return 12.2642592 / std::sqrt(volt * (1 + 0.978475598e-6 * volt));
}

float line_tolerance(float square, double sigma) noexcept {
  return static_cast<float>(0.0006 + 0.0006 * double{square} + 1.2 * sigma * std::sqrt(double{square}));
}

namespace {

void keep_strongest(std::span<const BraggPeak> peaks, std::ptrdiff_t direct, const SpotSettings& settings,
                    SpotList& out) {
  const auto stronger = [](const Spot& a, const Spot& b) { return a.intensity > b.intensity; };
  for (std::size_t i = 0; i < peaks.size(); ++i) {
    const BraggPeak& peak = peaks[i];
    if (static_cast<std::ptrdiff_t>(i) == direct) continue;
    const double q2 = peak.qx * peak.qx + peak.qy * peak.qy;
    if (!(q2 < settings.q_max * settings.q_max) || !(q2 > 1e-4) || !(peak.intensity > 0) ||
        !(peak.intensity < 1e30))
      continue;
    ++out.seen;
    const double z = settings.wavelength * q2 / 2;
    Spot spot{static_cast<float>(peak.qx),    static_cast<float>(peak.qy),
              static_cast<float>(z),          static_cast<float>(std::sqrt(q2)),
              static_cast<float>(q2 + z * z), static_cast<float>(peak.intensity)};
    if (out.size < k_max_spots) {
      out.spots[out.size++] = spot;
      std::push_heap(out.spots.begin(), out.spots.begin() + static_cast<std::ptrdiff_t>(out.size), stronger);
    } else if (stronger(spot, out.spots[0])) {
      std::pop_heap(out.spots.begin(), out.spots.end(), stronger);
      out.spots.back() = spot;
      std::push_heap(out.spots.begin(), out.spots.end(), stronger);
    }
  }
  // Equal intensities are common in simulated patterns: the order must not depend on that of the list.
  std::sort(out.spots.begin(), out.spots.begin() + static_cast<std::ptrdiff_t>(out.size),
            [](const Spot& a, const Spot& b) {
              return a.intensity != b.intensity ? a.intensity > b.intensity : a.square < b.square;
            });
  float sum = 0;
  for (std::size_t i = 0; i < out.size; ++i) sum += out.spots[i].intensity;
  for (std::size_t i = 0; i < out.size; ++i) out.spots[i].intensity /= sum;
}

void make_lines(const SpotSettings& settings, SpotList& out) {
  std::array<float, k_max_spots> squares;
  std::size_t count = 0;
  for (const Spot& spot : out.all())
    if (spot.square < static_cast<float>(settings.line_q2_max)) squares[count++] = spot.square;
  std::sort(squares.begin(), squares.begin() + static_cast<std::ptrdiff_t>(count));
  for (std::size_t i = 0; i < count && out.line_count < k_max_lines;) {
    const float tolerance = line_tolerance(squares[i], settings.sigma);
    float sum = 0, spots = 0;
    const float first = squares[i];
    for (; i < count && squares[i] - first <= tolerance; ++i) sum += squares[i], spots += 1;
    out.lines[out.line_count++] = {sum / spots, spots, tolerance};
  }
}

}  // namespace

void prepare_spots(std::span<const BraggPeak> peaks, const SpotSettings& settings, SpotList& out) noexcept {
  out.size = out.line_count = out.seen = 0;
  const std::ptrdiff_t direct = find_direct_beam(peaks, DirectBeam::origin, settings.origin_radius);
  out.direct_beam = direct >= 0;
  keep_strongest(peaks, direct, settings, out);
  make_lines(settings, out);
}

}  // namespace bragglive::indexing
