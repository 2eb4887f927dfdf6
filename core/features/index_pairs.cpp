#include "core/features/index_pairs.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive::indexing {
namespace {

constexpr std::size_t k_pair_spots = 30;  // strongest that are paired

float dot3(const Spot& a, const Spot& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

float excess(float found, float expected) {
  return (found - expected) / std::sqrt(expected + 1);
}

struct Sums {
  float equal = 0, near = 0, friedel = 0, friedel_ratio = 0, equal_ratio = 0, right = 0, beside_right = 0;
};

void add_equal_pair(const Spot& a, const Spot& b, float ratio, float tolerance, Sums& sums,
                    PairFeatures& out) {
  const float sx = a.x + b.x, sy = a.y + b.y;
  if (sx * sx + sy * sy < 4 * tolerance * tolerance) {
    sums.friedel += 1;
    sums.friedel_ratio += ratio;
    return;
  }
  sums.equal += 1;
  sums.equal_ratio += ratio;
  const float cosine = std::abs(a.x * b.x + a.y * b.y) / (a.q * b.q);
  if (std::abs(cosine - 0.5F) < 0.0378F)  // 2.5 degrees about 60
    out.sixty_share += 1;
  if (cosine < 0.0436F)  // and at 90
    out.ninety_share += 1;
}

}  // namespace

void describe_pairs(const SpotList& list, double sigma, PairFeatures& out) noexcept {
  out = {};
  const std::size_t n = std::min(k_pair_spots, list.size);
  const float tolerance = static_cast<float>(0.002 + 2 * sigma);
  Sums sums;
  for (std::size_t i = 0; i < n; ++i) {
    const Spot& a = list.spots[i];
    for (std::size_t j = i + 1; j < n; ++j) {
      const Spot& b = list.spots[j];
      const float apart = std::abs(a.q - b.q);
      const float ratio = b.intensity / a.intensity;  // sorted: b is the weaker
      if (apart < tolerance)
        add_equal_pair(a, b, ratio, tolerance, sums, out);
      else if (apart < 3 * tolerance)
        sums.near += 1;
      const float product = dot3(a, b), width = 1.2F * tolerance * (a.q + b.q) * 0.5F;
      if (std::abs(product) < width)
        sums.right += 1;
      else if (std::abs(product) < 3 * width)
        sums.beside_right += 1;
    }
  }
  if (n == 0) return;
  const auto spots = static_cast<float>(n);
  out.equal_per_spot = sums.equal / spots;
  out.equal_excess = excess(sums.equal + sums.friedel, sums.near / 2);
  out.friedel_share = 2 * sums.friedel / spots;
  out.friedel_ratio = sums.friedel > 0 ? sums.friedel_ratio / sums.friedel : 0;
  out.equal_ratio = sums.equal > 0 ? sums.equal_ratio / sums.equal : 0;
  out.right_angle_excess = excess(sums.right, sums.beside_right / 2);
  if (sums.equal > 0) {
    out.sixty_share /= sums.equal;
    out.ninety_share /= sums.equal;
  }
}

}  // namespace bragglive::indexing
