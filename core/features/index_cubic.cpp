#include "core/features/index_cubic.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/features/nearest_whole.hpp"

namespace bragglive::indexing {
namespace {

constexpr std::size_t k_fewest_lines = 4;
constexpr std::size_t k_seed_lines = 4;   // A is solved from each of the lowest lines
constexpr std::size_t k_first_lines = 6;  // lines of the first, quick look
constexpr std::size_t k_kept = 8;         // candidates that get the full look
constexpr std::size_t k_product_spots = 20;
constexpr float k_smallest = 1.0F / (32.0F * 32.0F), k_largest = 1.0F / (1.9F * 1.9F);
constexpr float k_most_by_chance =
    0.85F;  // a lattice that would match so large a share anyway proves nothing
constexpr float k_sums_share = 5.0F / 6.0F;  // of the whole numbers, those that are sums of three squares

constexpr std::size_t k_largest_sum = 1400;  // 1.3 1/Å² at a = 32 Å
// Legendre: every number but those of the form 4^a (8 b + 7).
constexpr auto k_is_sum = [] {
  std::array<bool, k_largest_sum + 2> table{};
  for (std::size_t n = 0; n < table.size(); ++n) {
    std::size_t rest = n;
    while (rest > 0 && rest % 4 == 0) rest /= 4;
    table[n] = rest % 8 != 7;
  }
  return table;
}();

// Distance of x to the nearest sum of three squares, and that sum. Two neighbours are never both missing.
struct NearestSum {
  float sum, distance;
};
NearestSum nearest_sum(float x) {
  float n = std::max(1.0F, nearest_whole(x));
  if (n > static_cast<float>(k_largest_sum)) return {n, std::abs(x - n)};
  if (!k_is_sum[static_cast<std::size_t>(n)]) n += x > n ? 1.0F : -1.0F;
  return {n, std::abs(x - n)};
}

float chance_of(float parameter, float tolerance) {
  const float x = k_sums_share * 2 * tolerance / parameter;
  return std::max(1e-3F, x / (1 + 0.7F * x));  // close to 1 - exp(-x) up to x = 2
}
float merit_of(float share, float chance, float lines) {
  return (share - chance) / std::sqrt(chance * (1 - chance) / lines);
}

float mean_tolerance(const SpotList& list, std::size_t lines) {
  float sum = 0;
  for (std::size_t i = 0; i < lines; ++i) sum += list.lines[i].tolerance;
  return sum / static_cast<float>(lines);
}

CubicMatch judge(const SpotList& list, float parameter, std::size_t lines, float tolerance) {
  CubicMatch match;
  match.parameter = parameter;
  float hits = 0, squares = 0;
  const float inverse = 1 / parameter;
  for (std::size_t i = 0; i < lines; ++i) {
    const Line& line = list.lines[i];
    const float off = nearest_sum(line.square * inverse).distance * parameter / line.tolerance;
    if (off >= 1) continue;
    hits += 1;
    squares += off * off;
  }
  const auto n = static_cast<float>(lines);
  match.chance = chance_of(parameter, tolerance);
  match.share = hits / n;
  match.residual = hits > 0 ? std::sqrt(squares / hits) : 0;
  match.merit = hits > 0 && match.chance < k_most_by_chance ? merit_of(match.share, match.chance, n) : 0;
  return match;
}

// Least squares of A on the matched lines among the first `lines`, weights 1 / tolerance².
float refine(const SpotList& list, float parameter, std::size_t lines) {
  float above = 0, below = 0;
  for (std::size_t i = 0; i < lines; ++i) {
    const Line& line = list.lines[i];
    const NearestSum nearest = nearest_sum(line.square / parameter);
    if (nearest.distance * parameter >= line.tolerance) continue;
    const float weight = 1 / (line.tolerance * line.tolerance);
    above += weight * nearest.sum * line.square;
    below += weight * nearest.sum * nearest.sum;
  }
  const float refined = below > 0 ? above / below : parameter;
  return refined > k_smallest && refined < k_largest ? refined : parameter;
}

// Scalar products of the strongest spots and what they are known to.
class Products {
 public:
  Products(const SpotList& list, double sigma) {
    const std::size_t n = std::min(k_product_spots, list.size);
    tolerance_.fill(1e9F);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j) {
        const Spot &a = list.spots[i], &b = list.spots[j];
        value_[count_] = a.x * b.x + a.y * b.y + a.z * b.z;
        tolerance_[count_++] = 0.0006F + 1.2F * static_cast<float>(sigma) * std::sqrt(a.square + b.square);
      }
  }
  // Eight sums side by side, which a compiler turns into vectors without changing the result.
  float agreement(float parameter) const {
    const float inverse = 1 / parameter;
    std::array<float, k_lanes> above{}, variance{};
    for (std::size_t i = 0; i < count_; i += k_lanes)
      for (std::size_t k = 0; k < k_lanes; ++k) {
        const float width = tolerance_[i + k] * inverse, chance = 2 * width;
        const float multiple = value_[i + k] * inverse;
        const float hit = std::abs(multiple - nearest_whole(multiple)) < width ? 1.0F : 0.0F;
        const float counts = chance < 0.8F ? 1.0F : 0.0F;
        above[k] += counts * (hit - chance);
        variance[k] += counts * chance * (1 - chance);
      }
    return sum_of(above) / std::sqrt(1 + sum_of(variance));
  }

 private:
  static constexpr std::size_t k_lanes = 8, k_most = k_product_spots * (k_product_spots - 1) / 2;
  static float sum_of(const std::array<float, k_lanes>& lanes) {
    float sum = 0;
    for (const float lane : lanes) sum += lane;
    return sum;
  }
  // Behind the last one 1e9: too loose to count.
  std::array<float, k_most + k_lanes> value_{}, tolerance_;
  std::size_t count_ = 0;
};

struct Candidates {
  std::array<CubicMatch, k_kept> at;
  std::size_t count = 0;
  void offer(const CubicMatch& match) {
    for (std::size_t k = 0; k < count; ++k) {
      if (std::abs(at[k].parameter - match.parameter) > 0.01F * match.parameter) continue;
      if (match.merit > at[k].merit) at[k] = match;
      return;
    }
    if (count < k_kept)
      at[count++] = match;
    else if (auto worst = std::min_element(at.begin(), at.end(),
                                           [](const auto& a, const auto& b) { return a.merit < b.merit; });
             worst->merit < match.merit)
      *worst = match;
  }
};

constexpr std::array k_seed_sums{1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 24};

}  // namespace

CubicMatches search_cubic(const SpotList& list, double sigma) noexcept {
  CubicMatches out;
  const std::size_t lines = list.line_count;
  if (lines < k_fewest_lines) return out;
  const std::size_t first = std::min(k_first_lines, lines);
  const float first_tolerance = mean_tolerance(list, first), tolerance = mean_tolerance(list, lines);
  Candidates candidates;
  for (std::size_t i = 0; i < std::min(k_seed_lines, lines); ++i)
    for (const int sum : k_seed_sums) {
      const float parameter = list.lines[i].square / static_cast<float>(sum);
      if (parameter > k_smallest && parameter < k_largest)
        candidates.offer(judge(list, parameter, first, first_tolerance));
    }
  const Products products(list, sigma);
  const auto worth = [](const CubicMatch& match) { return match.merit + match.products; };
  for (std::size_t k = 0; k < candidates.count; ++k) {
    float parameter = candidates.at[k].parameter;
    for (const std::size_t some : {(first + lines) / 2, lines}) parameter = refine(list, parameter, some);
    CubicMatch match = judge(list, parameter, lines, tolerance);
    if (!(match.merit > 0)) continue;
    match.products = products.agreement(parameter);
    const bool same = std::abs(match.parameter - out.best.parameter) < 0.03F * match.parameter;
    if (worth(match) > worth(out.best)) {
      if (!same) out.second = out.best;
      out.best = match;
    } else if (!same && worth(match) > worth(out.second)) {
      out.second = match;
    }
  }
  return out;
}

}  // namespace bragglive::indexing
