// The calculated lines of each lattice family, row by row, without square roots per line or tables of
// reflections.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>

namespace bragglive::indexing {

constexpr std::size_t k_sums = 160;
constexpr std::size_t k_largest_sum = 512;

// Ascending values of a quadratic form, and how many of them are at most n.
struct SumTable {
  std::array<float, k_sums> value{};
  std::array<std::uint8_t, k_largest_sum> up_to{};
  std::size_t size = 0;
  std::size_t count(float limit) const {
    return limit < 0 ? 0
                     : up_to[static_cast<std::size_t>(limit < k_largest_sum - 1 ? limit : k_largest_sum - 1)];
  }
};

// kind 0: h²+k², 1: h²+hk+k², 2: h²+k²+l², 3: h²; of these only the ones with value % 3 == rest (rest < 0:
// all).
constexpr SumTable make_sums(int kind, int rest = -1) {
  SumTable table;
  for (int n = 0; n < static_cast<int>(k_largest_sum); ++n) {
    bool found = false;
    for (int h = 0; h * h <= n && !found; ++h) {
      if (kind == 3) found = h * h == n;
      for (int k = 0; kind != 3 && k * k <= n && !found; ++k) {
        if (kind == 0) found = h * h + k * k == n;
        if (kind == 1) found = h * h + h * k + k * k == n;
        for (int l = 0; kind == 2 && l * l <= n && !found; ++l) found = h * h + k * k + l * l == n;
      }
    }
    if (found && (rest < 0 || n % 3 == rest) && table.size < k_sums)
      table.value[table.size++] = static_cast<float>(n);
    table.up_to[static_cast<std::size_t>(n)] = static_cast<std::uint8_t>(table.size);
  }
  return table;
}
inline constexpr SumTable k_square_sums = make_sums(0);
inline constexpr SumTable k_hexagonal_sums = make_sums(1);
inline constexpr SumTable k_cubic_sums = make_sums(2);
inline constexpr SumTable k_squares = make_sums(3);
// Rhombohedral, -h+k+l = 3m: l is a multiple of 3 exactly when h²+hk+k² is.
inline constexpr SumTable k_threefold_sums = make_sums(1, 0);
inline constexpr SumTable k_other_sums = make_sums(1, 1);

// Nearest whole number for |x| < 4 million; std::round is a library call without SSE4.1.
inline float nearest_whole(float x) {
  return (x + 12582912.0F) - 12582912.0F;
}

// Lines base + step * n for `count` values n.
struct Row {
  float base, step;
  const float* n;
  std::size_t count;
  std::array<float, 2> others;  // coefficients of the other parameters
};

// Each family: the number of free parameters; every row of lines up to `end` (without Q = 0), visit(row)
// false ends it; the coefficients of one line; and roughly how many lines there are, which spares the
// enumeration of dense lattices.
struct CubicFamily {
  static constexpr std::size_t k_free = 1;
  static float estimate(const float* p, float end) { return 0.8F * end / p[0]; }
  template <class Visit>
  static void rows(const float* p, float end, Visit&& visit) {
    visit(Row{0, p[0], k_cubic_sums.value.data() + 1, k_cubic_sums.count(end / p[0]) - 1, {}});
  }
  static std::array<float, 1> coefficients(const Row&, float n) { return {n}; }
};

template <int Kind, bool Rhombohedral>
struct UniaxialFamily {
  static constexpr std::size_t k_free = 2;
  static float estimate(const float* p, float end) {
    return (Rhombohedral ? 0.12F : 0.36F) * end / p[0] * (0.5F + 0.67F * std::sqrt(end / p[1]));
  }
  template <class Visit>
  static void rows(const float* p, float end, Visit&& visit) {
    const float inverse = 1 / p[0];
    for (int l = 0; l < 64; ++l) {
      const float l2 = static_cast<float>(l * l), base = p[1] * l2;
      if (base > end) return;
      const SumTable& sums = Rhombohedral ? (l % 3 == 0 ? k_threefold_sums : k_other_sums)
                                          : (Kind == 0 ? k_square_sums : k_hexagonal_sums);
      const std::size_t skip = l == 0 ? 1 : 0;
      const std::size_t count = sums.count((end - base) * inverse);
      if (count > skip && !visit(Row{base, p[0], sums.value.data() + skip, count - skip, {l2, 0}})) return;
    }
  }
  static std::array<float, 2> coefficients(const Row& row, float n) { return {n, row.others[0]}; }
};
using TetragonalFamily = UniaxialFamily<0, false>;
using HexagonalFamily = UniaxialFamily<1, false>;
using RhombohedralFamily = UniaxialFamily<1, true>;

struct OrthorhombicFamily {
  static constexpr std::size_t k_free = 3;
  static float estimate(const float* p, float end) {
    return 0.47F * end * std::sqrt(end / (p[0] * p[1] * p[2]));
  }
  template <class Visit>
  static void rows(const float* p, float end, Visit&& visit) {
    const float inverse = 1 / p[0];
    for (int l = 0; l < 64; ++l) {
      const float l2 = static_cast<float>(l * l), q_l = p[2] * l2;
      if (q_l > end) return;
      for (int k = 0; k < 64; ++k) {
        const float k2 = static_cast<float>(k * k), base = q_l + p[1] * k2;
        if (base > end) break;
        const std::size_t skip = l + k == 0 ? 1 : 0;
        const std::size_t count = k_squares.count((end - base) * inverse);
        if (count > skip && !visit(Row{base, p[0], k_squares.value.data() + skip, count - skip, {k2, l2}}))
          return;
      }
    }
  }
  static std::array<float, 3> coefficients(const Row& row, float n) {
    return {n, row.others[0], row.others[1]};
  }
};

}  // namespace bragglive::indexing
