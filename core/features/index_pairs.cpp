#include "core/features/index_pairs.hpp"

#include <algorithm>
#include <cmath>

#include "core/features/index_families.hpp"

namespace bragglive::indexing {
namespace {

constexpr std::size_t k_pair_spots = 30;     // strongest that are paired
constexpr std::size_t k_product_spots = 20;  // strongest whose products are tested
constexpr float k_degrees = 57.29578F;

float dot3(const Spot& a, const Spot& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

float excess(float found, float expected) {
  return (found - expected) / std::sqrt(expected + 1);
}

struct Sums {
  float equal = 0, near = 0, friedel = 0, friedel_ratio = 0, equal_ratio = 0, right = 0, beside_right = 0,
        pairs = 0;
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
  const float cosine = std::min(1.0F, std::abs(a.x * b.x + a.y * b.y) / (a.q * b.q));
  const float angle = std::acos(cosine) * k_degrees;
  out.angles[std::min(k_angle_bins - 1, static_cast<std::size_t>(angle / 5))] += 1;
  if (std::abs(angle - 60) < 2.5F) out.sixty_share += 1;
  if (angle > 87.5F) out.ninety_share += 1;
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
      sums.pairs += 1;
      const float cosine = std::min(0.999F, std::abs(product) / std::sqrt(a.square * b.square));
      out.cosines[static_cast<std::size_t>(cosine * k_cosine_bins)] += 1;
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
    for (float& share : out.angles) share /= sums.equal;
  }
  if (sums.pairs > 0)
    for (float& share : out.cosines) share /= sums.pairs;
}

namespace {

struct Indexed {
  const Spot* spot;
  float n, l;                // uniaxial: h²+k² (or h²+hk+k²) and l
  std::array<float, 3> hkl;  // orthorhombic: |h|, |k|, |l|
};

// Indices of the calculated line nearest to a spot, by walking the third index (and the second,
// orthorhombic).
bool nearest_uniaxial(const Spot& spot, const SumTable& sums, bool rhombohedral, float a, float c,
                      float tolerance, Indexed& out) {
  float best = tolerance;
  bool found = false;
  for (int l = 0; l < 40; ++l) {
    const float rest = spot.square - c * static_cast<float>(l * l);
    if (rest < -tolerance) break;
    const float n = rest / a;
    // Sums are few: a search from the left would be slower than this bisection only for tiny tables.
    const auto* const end = sums.value.data() + sums.size;
    const auto* at = std::lower_bound(sums.value.data(), end, n);
    for (const auto* candidate : {at == sums.value.data() ? at : at - 1, at == end ? at - 1 : at}) {
      if (rhombohedral && (static_cast<int>(*candidate) % 3 == 0) != (l % 3 == 0)) continue;
      const float off = std::abs(rest - a * *candidate);
      if (off >= best) continue;
      best = off;
      out = {&spot, *candidate, static_cast<float>(l), {}};
      found = true;
    }
  }
  return found;
}

bool nearest_orthorhombic(const Spot& spot, const std::array<float, 3>& p, float tolerance, Indexed& out) {
  float best = tolerance;
  bool found = false;
  for (int l = 0; l < 40; ++l) {
    const float rest_l = spot.square - p[2] * static_cast<float>(l * l);
    if (rest_l < -tolerance) break;
    for (int k = 0; k < 40; ++k) {
      const float rest = rest_l - p[1] * static_cast<float>(k * k);
      if (rest < -tolerance) break;
      const float h = nearest_whole(std::sqrt(std::max(0.0F, rest) / p[0]));
      const float off = std::abs(rest - p[0] * h * h);
      if (off >= best) continue;
      best = off;
      out = {&spot, 0, 0, {h, static_cast<float>(k), static_cast<float>(l)}};
      found = true;
    }
  }
  return found;
}

// One product against one or several allowed values: is it within the tolerance, and how likely was that.
struct Test {
  bool hit = false;
  float chance = 1;
};

Test test_uniaxial(const Indexed& a, const Indexed& b, float product, float tolerance, float unit, float c) {
  const float steps = a.l * b.l == 0 ? 1.0F : 2.0F, width = tolerance / unit;
  Test test;
  test.chance = std::min(1.0F, 2 * width * steps);
  for (const float sign : {1.0F, -1.0F}) {
    const float m = (product - sign * c * a.l * b.l) / unit;
    if (std::abs(m - nearest_whole(m)) < width) test.hit = true;
  }
  return test;
}

Test test_orthorhombic(const Indexed& a, const Indexed& b, float product, float tolerance,
                       const std::array<float, 3>& p) {
  const float hh = p[0] * a.hkl[0] * b.hkl[0], kk = p[1] * a.hkl[1] * b.hkl[1],
              ll = p[2] * a.hkl[2] * b.hkl[2];
  Test test;
  float values = 0;
  for (int signs = 0; signs < 8; ++signs) {
    const float value = ((signs & 1) ? -hh : hh) + ((signs & 2) ? -kk : kk) + ((signs & 4) ? -ll : ll);
    if (std::abs(product - value) < tolerance) test.hit = true;
    values += 1;
  }
  values /= (hh == 0 ? 2.0F : 1.0F) * (kk == 0 ? 2.0F : 1.0F) * (ll == 0 ? 2.0F : 1.0F);
  const float reach = std::sqrt(a.spot->square * b.spot->square);
  test.chance = std::min(1.0F, values * tolerance / reach);
  return test;
}

}  // namespace

float product_agreement(const SpotList& list, Family family, const LatticeMatch& match,
                        double sigma) noexcept {
  if (!(match.parameter[0] > 0)) return 0;
  const bool hexagonal = family == Family::hexagonal || family == Family::rhombohedral;
  const bool cubic = family == Family::cubic;
  std::array<Indexed, k_product_spots> indexed;
  std::size_t count = 0;
  for (std::size_t i = 0; i < std::min(k_product_spots, list.size); ++i) {
    const Spot& spot = list.spots[i];
    const float tolerance = line_tolerance(spot.square, sigma);
    Indexed one{&spot, 0, 0, {}};
    if (family == Family::orthorhombic) {
      if (!nearest_orthorhombic(spot, match.parameter, tolerance, one)) continue;
    } else if (!cubic) {
      if (!nearest_uniaxial(spot, hexagonal ? k_hexagonal_sums : k_square_sums,
                            family == Family::rhombohedral, match.parameter[0], match.parameter[2], tolerance,
                            one))
        continue;
    }
    indexed[count++] = one;
  }
  float above = 0, variance = 1;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i + 1; j < count; ++j) {
      const Spot &a = *indexed[i].spot, &b = *indexed[j].spot;
      const float tolerance =
          static_cast<float>(0.0006 + 1.2 * sigma * double{std::sqrt(a.square + b.square)});
      const float product = dot3(a, b);
      const Test test =
          family == Family::orthorhombic
              ? test_orthorhombic(indexed[i], indexed[j], product, tolerance, match.parameter)
              : test_uniaxial(indexed[i], indexed[j], product, tolerance,
                              match.parameter[0] * (hexagonal ? 0.5F : 1.0F), cubic ? 0 : match.parameter[2]);
      if (test.chance > 0.8F) continue;
      above += (test.hit ? 1.0F : 0.0F) - test.chance;
      variance += test.chance * (1 - test.chance);
    }
  }
  return above / std::sqrt(variance);
}

}  // namespace bragglive::indexing
