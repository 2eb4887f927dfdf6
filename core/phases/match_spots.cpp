#include "core/phases/match_spots.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive {
namespace {

constexpr float k_origin_radius = 0.06F;  // 1/Å: nearer spots are the direct beam or its tails
constexpr float k_reach = 1.6F;           // 1/Å: farther out, indices are too large to be sure of

}  // namespace

void prepare_match_spots(std::span<const BraggPeak> peaks, const MatchSettings& settings,
                         MatchSpots& out) noexcept {
  out.size = out.seen = 0;
  out.q_max = 0;
  std::array<float, MatchSpots::k_max> strength{};
  for (const BraggPeak& peak : peaks) {
    const auto x = static_cast<float>(peak.qx), y = static_cast<float>(peak.qy),
               i = static_cast<float>(peak.intensity);
    const float q = std::sqrt(x * x + y * y);
    if (!(q > k_origin_radius && q < k_reach && i > 0 && i < 1e30F)) continue;
    ++out.seen;
    // Insertion into the list of the strongest.
    if (out.size == MatchSpots::k_max && i <= strength[out.size - 1]) continue;
    std::size_t at = out.size < MatchSpots::k_max ? out.size++ : out.size - 1;
    for (; at > 0 && strength[at - 1] < i; --at) {
      strength[at] = strength[at - 1];
      out.x[at] = out.x[at - 1], out.y[at] = out.y[at - 1], out.q[at] = out.q[at - 1];
    }
    strength[at] = i, out.x[at] = x, out.y[at] = y, out.q[at] = q;
  }
  float sum = 0;
  for (std::size_t i = 0; i < out.size; ++i) sum += out.weight[i] = std::sqrt(strength[i]);
  for (std::size_t i = 0; i < out.size; ++i) {
    out.weight[i] /= sum;
    out.z[i] = 0.5F * static_cast<float>(settings.wavelength) * out.q[i] * out.q[i];
    out.q_max = std::max(out.q_max, out.q[i]);
  }
}

}  // namespace bragglive
