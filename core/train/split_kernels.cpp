#include "core/train/split_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace bragglive::detail {
namespace {

#if defined(__x86_64__)
#define BL_SPLIT_AVX2 [[gnu::target("avx2,prefer-vector-width=256")]]
bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
}
#endif
#define BL_INLINE [[gnu::always_inline]] inline

constexpr std::size_t k_lanes = SmallNode::k_lanes;
typedef std::uint8_t Bytes __attribute__((vector_size(32)));
typedef std::int8_t Flags __attribute__((vector_size(32)));

typedef std::int16_t Shorts __attribute__((vector_size(16)));
typedef std::int32_t Words __attribute__((vector_size(16)));
typedef float Floats __attribute__((vector_size(16)));

// Highest gain over the cuts whose left sides and sums of squares are given; the first of equal ones. Gains
// are not negative, so their bits order like whole numbers.
template <std::size_t Count>
BL_INLINE void take_best(const std::int32_t* left_weight, const std::int32_t* left_squares,
                         const std::int32_t* right_squares, std::uint32_t weight, std::uint32_t min_leaf,
                         float& best, std::size_t& where) {
  alignas(32) std::int32_t bits[Count];
  const auto all = static_cast<std::int32_t>(weight);
  const auto least = static_cast<std::int32_t>(std::min(min_leaf, 1U << 30));
  Words highest = {-1, -1, -1, -1};
  for (std::size_t i = 0; i < Count; i += 4) {
    Words n, l, r;
    std::memcpy(&n, left_weight + i, sizeof n);
    std::memcpy(&l, left_squares + i, sizeof l);
    std::memcpy(&r, right_squares + i, sizeof r);
    const Words m = all - n;
    // A comparison that holds is -1: nothing is divided by zero.
    const Words few = (n < least) | (m < least);
    const Floats gain = __builtin_convertvector(l, Floats) / __builtin_convertvector(n - (n == 0), Floats) +
                        __builtin_convertvector(r, Floats) / __builtin_convertvector(m - (m == 0), Floats);
    const Words here = reinterpret_cast<Words>(gain) | few;
    const Words higher = here > highest;
    highest = (here & higher) | (highest & ~higher);
    std::memcpy(bits + i, &here, sizeof here);
  }
  const std::int32_t top = std::max(std::max(highest[0], highest[1]), std::max(highest[2], highest[3]));
  if (top < 0 || std::bit_cast<float>(top) <= best) return;
  best = std::bit_cast<float>(top);
  where = static_cast<std::size_t>(std::find(bits, bits + Count, top) - bits);
}

template <std::size_t Lanes>
struct BytesOf;
template <>
struct BytesOf<16> {
  typedef std::uint8_t Type __attribute__((vector_size(16)));
};
template <>
struct BytesOf<32> {
  typedef std::uint8_t Type __attribute__((vector_size(32)));
};

template <std::size_t Lanes>
BL_INLINE Cut small_cut(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf) {
  using Vector = typename BytesOf<Lanes>::Type;
  float best = -1;
  std::uint8_t last_left = 0;
  for (std::size_t begin = 0; begin < node.samples; begin += Lanes) {
    Vector cut;
    std::memcpy(&cut, bins + begin, sizeof cut);
    // Weight of each class that goes left, per cut.
    Vector sums[SmallNode::k_most];
    std::size_t j = 0;
    for (std::uint32_t k = 0; k < node.classes; ++k) {
      Vector sum = {};
      for (; j < node.class_end[k]; ++j) sum += reinterpret_cast<Vector>(cut >= bins[j]) & node.weights[j];
      sums[k] = sum;
    }
    alignas(32) std::uint16_t left_squares[Lanes] = {}, right_squares[Lanes] = {}, left[Lanes] = {};
    for (std::uint32_t k = 0; k < node.classes; ++k) {
      const auto* const of_class = reinterpret_cast<const std::uint8_t*>(&sums[k]);
      const std::uint16_t all = node.class_weight[k];
      for (std::size_t i = 0; i < Lanes; ++i) {
        const std::uint16_t here = of_class[i];
        const auto there = static_cast<std::uint16_t>(all - here);
        left[i] = static_cast<std::uint16_t>(left[i] + here);
        left_squares[i] = static_cast<std::uint16_t>(left_squares[i] + here * here);
        right_squares[i] = static_cast<std::uint16_t>(right_squares[i] + there * there);
      }
    }
    alignas(32) std::int32_t wide[3][Lanes];
    for (std::size_t i = 0; i < Lanes; ++i) {
      wide[0][i] = left[i];
      wide[1][i] = left_squares[i];
      wide[2][i] = right_squares[i];
    }
    const float before = best;
    std::size_t where = 0;
    take_best<Lanes>(wide[0], wide[1], wide[2], node.weight, min_leaf, best, where);
    if (best > before) last_left = bins[begin + where];
  }
  return {static_cast<double>(best), last_left};
}

// The number of lanes depends on the node alone, so that every processor comes to the same cut.
BL_INLINE Cut small_cut(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf) {
  return node.samples <= 16 ? small_cut<16>(node, bins, min_leaf) : small_cut<32>(node, bins, min_leaf);
}

// Products of eight pairs, added up by twos.
BL_INLINE void multiply_add(const Shorts& a, const Shorts& b, std::int32_t* out) {
#if defined(__SSE2__)
  const Words sums = __builtin_ia32_pmaddwd128(a, b);
  std::memcpy(out, &sums, sizeof sums);
#else
  for (std::size_t k = 0; k < 4; ++k) out[k] = a[2 * k] * b[2 * k] + a[2 * k + 1] * b[2 * k + 1];
#endif
}

BL_INLINE Cut medium_cut(const std::uint16_t* counts, std::size_t stride, const std::uint16_t* totals,
                         std::uint32_t weight, std::uint32_t min_leaf) {
  constexpr Shorts k_ones = {1, 1, 1, 1, 1, 1, 1, 1};
  alignas(32) std::int32_t parts[3][256 * 4], sums[3][256] = {};
  for (std::size_t group = 0; group < stride; group += 8) {
    Shorts all, left = {};
    std::memcpy(&all, totals + group, sizeof all);
    for (std::size_t bin = 0; bin < 256; ++bin) {
      Shorts add;
      std::memcpy(&add, counts + bin * stride + group, sizeof add);
      left += add;
      const Shorts right = all - left;
      multiply_add(left, k_ones, &parts[0][4 * bin]);
      multiply_add(left, left, &parts[1][4 * bin]);
      multiply_add(right, right, &parts[2][4 * bin]);
    }
    for (std::size_t sum = 0; sum < 3; ++sum)
      for (std::size_t bin = 0; bin < 256; ++bin) {
        const std::int32_t* const part = &parts[sum][4 * bin];
        sums[sum][bin] += part[0] + part[1] + part[2] + part[3];
      }
  }
  float best = -1;
  std::size_t where = 0;
  take_best<256>(sums[0], sums[1], sums[2], weight, min_leaf, best, where);
  return {static_cast<double>(best), static_cast<std::uint8_t>(where)};
}

BL_INLINE void rank_all(const std::uint8_t* bins, std::size_t count, std::uint8_t* order) {
  Bytes lane;
  for (std::size_t i = 0; i < k_lanes; ++i) lane[i] = static_cast<std::uint8_t>(i);
  for (std::size_t begin = 0; begin < count; begin += k_lanes) {
    Bytes mine, rank = {};
    std::memcpy(&mine, bins + begin, sizeof mine);
    const std::size_t end = std::min(begin + k_lanes, count);
    // A comparison that holds is -1.
    for (std::size_t j = 0; j < begin; ++j) {
      const Flags before = mine >= bins[j];
      rank -= reinterpret_cast<Bytes>(before);
    }
    for (std::size_t j = begin; j < end; ++j) {
      const Flags less = mine > bins[j];
      const Flags earlier = (mine == bins[j]) & (lane > static_cast<std::uint8_t>(j - begin));
      rank -= reinterpret_cast<Bytes>(less) | reinterpret_cast<Bytes>(earlier);
    }
    for (std::size_t j = end; j < count; ++j) {
      const Flags less = mine > bins[j];
      rank -= reinterpret_cast<Bytes>(less);
    }
    alignas(32) std::uint8_t ranks[k_lanes];
    std::memcpy(ranks, &rank, sizeof rank);
    for (std::size_t i = begin; i < end; ++i) order[ranks[i - begin]] = static_cast<std::uint8_t>(i);
  }
}

#if defined(__x86_64__)
BL_SPLIT_AVX2 Cut small_cut_avx2(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf) {
  return small_cut(node, bins, min_leaf);
}
BL_SPLIT_AVX2 Cut medium_cut_avx2(const std::uint16_t* counts, std::size_t stride,
                                  const std::uint16_t* totals, std::uint32_t weight, std::uint32_t min_leaf) {
  return medium_cut(counts, stride, totals, weight, min_leaf);
}
BL_SPLIT_AVX2 void rank_all_avx2(const std::uint8_t* bins, std::size_t count, std::uint8_t* order) {
  rank_all(bins, count, order);
}
#endif

}  // namespace

Cut best_cut(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf) {
#if defined(__x86_64__)
  if (has_avx2()) return small_cut_avx2(node, bins, min_leaf);
#endif
  return small_cut(node, bins, min_leaf);
}

Cut best_cut(const std::uint16_t* counts, std::size_t stride, const std::uint16_t* totals,
             std::uint32_t weight, std::uint32_t min_leaf) {
#if defined(__x86_64__)
  if (has_avx2()) return medium_cut_avx2(counts, stride, totals, weight, min_leaf);
#endif
  return medium_cut(counts, stride, totals, weight, min_leaf);
}

Cut best_cut(const std::uint32_t* counts, std::size_t stride, const std::uint32_t* totals,
             std::uint64_t weight, std::uint32_t min_leaf) {
  constexpr std::size_t k_most_classes = 256;
  std::array<std::uint64_t, k_most_classes> left{};
  Cut best;
  std::uint64_t left_weight = 0;
  for (std::size_t bin = 0; bin < 256; ++bin) {
    double left_squares = 0, right_squares = 0;
    for (std::size_t k = 0; k < stride; ++k) {
      left[k] += counts[bin * stride + k];
      left_weight += counts[bin * stride + k];
      const auto l = static_cast<double>(left[k]), r = static_cast<double>(totals[k] - left[k]);
      left_squares += l * l, right_squares += r * r;
    }
    const std::uint64_t right_weight = weight - left_weight;
    if (left_weight < min_leaf || right_weight < min_leaf) continue;
    const double gain =
        left_squares / static_cast<double>(left_weight) + right_squares / static_cast<double>(right_weight);
    if (gain > best.gain) best = {gain, static_cast<std::uint8_t>(bin)};
  }
  return best;
}

void rank_bytes(const std::uint8_t* bins, std::size_t count, std::uint8_t* order) {
#if defined(__x86_64__)
  if (has_avx2()) return rank_all_avx2(bins, count, order);
#endif
  rank_all(bins, count, order);
}

}  // namespace bragglive::detail
