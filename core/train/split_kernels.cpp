#include "core/train/split_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/forest/gather.hpp"

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

// Bits of the gains of cuts whose left sides and sums of squares are given; -1 where a side has too little.
// Gives the highest. Gains are not negative, so their bits order like whole numbers.
template <std::size_t Count>
BL_INLINE std::int32_t all_gains(const std::int32_t* left_weight, const std::int32_t* left_squares,
                                 const std::int32_t* right_squares, std::uint32_t weight,
                                 std::uint32_t min_leaf, std::int32_t* bits) {
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
  return std::max(std::max(highest[0], highest[1]), std::max(highest[2], highest[3]));
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
  std::int32_t best = -1;
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
    alignas(32) std::int32_t bits[Lanes];
    const std::int32_t top = all_gains<Lanes>(wide[0], wide[1], wide[2], node.weight, min_leaf, bits);
    if (top <= best) continue;
    best = top;
    last_left = bins[static_cast<std::size_t>(std::find(bits, bits + Lanes, top) - bits) + begin];
  }
  if (best < 0) return {};
  return {static_cast<double>(std::bit_cast<float>(best)), last_left};
}

// The number of lanes depends on the node alone, so that every processor comes to the same cut.
BL_INLINE Cut small_cut(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf) {
  return node.samples <= 16 ? small_cut<16>(node, bins, min_leaf) : small_cut<32>(node, bins, min_leaf);
}

// Products of eight pairs, added up by twos.
BL_INLINE Words multiply_add(const Shorts& a, const Shorts& b) {
#if defined(__SSE2__)
  return __builtin_ia32_pmaddwd128(a, b);
#else
  Words out;
  for (std::size_t k = 0; k < 4; ++k) out[k] = a[2 * k] * b[2 * k] + a[2 * k + 1] * b[2 * k + 1];
  return out;
#endif
}

BL_INLINE Cut medium_cut(const MediumNode& node, const std::uint16_t* counts, std::uint32_t min_leaf) {
  constexpr Shorts k_ones = {1, 1, 1, 1, 1, 1, 1, 1};
  constexpr std::size_t k_bins = 256;
  alignas(32) std::uint32_t lefts[k_bins];
  alignas(32) std::int32_t sums[3][k_bins] = {};
  for (std::size_t pair = 0; pair < node.pairs; ++pair) {
    std::uint32_t sum = 0;
    for (std::size_t bin = 0; bin < k_bins; ++bin) {
      std::uint32_t both = 0;
      std::memcpy(&both, counts + (pair * k_bins + bin) * 2, sizeof both);
      lefts[bin] = sum += both;
    }
    const auto total = static_cast<std::int32_t>(node.totals[pair]);
    const auto all = reinterpret_cast<Shorts>(Words{total, total, total, total});
    for (std::size_t bin = 0; bin < k_bins; bin += 4) {
      Shorts left;
      std::memcpy(&left, lefts + bin, sizeof left);
      const Shorts right = all - left;
      const Words add[3] = {multiply_add(left, k_ones), multiply_add(left, left), multiply_add(right, right)};
      for (std::size_t k = 0; k < 3; ++k) {
        Words old;
        std::memcpy(&old, &sums[k][bin], sizeof old);
        old += add[k];
        std::memcpy(&sums[k][bin], &old, sizeof old);
      }
    }
  }
  alignas(32) std::int32_t bits[k_bins];
  return node.first_of(bits, all_gains<k_bins>(sums[0], sums[1], sums[2], node.weight, min_leaf, bits));
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
BL_SPLIT_AVX2 Cut medium_cut_avx2(const MediumNode& node, const std::uint16_t* counts,
                                  std::uint32_t min_leaf) {
  return medium_cut(node, counts, min_leaf);
}
BL_SPLIT_AVX2 void rank_all_avx2(const std::uint8_t* bins, std::size_t count, std::uint8_t* order) {
  rank_all(bins, count, order);
}
#endif

}  // namespace

Cut MediumNode::first_of(const std::int32_t* gains, std::int32_t highest) const {
  if (highest < 0 || static_cast<double>(std::bit_cast<float>(highest)) <= to_beat) return {};
  auto where = static_cast<std::uint8_t>(std::find(gains, gains + 255, highest) - gains);
  for (const std::uint8_t bin : order)
    if (gains[bin] == highest) {
      where = bin;
      break;
    }
  return {static_cast<double>(std::bit_cast<float>(highest)), where};
}

Cut best_cut_plain(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf) {
#if defined(__x86_64__)
  if (has_avx2()) return small_cut_avx2(node, bins, min_leaf);
#endif
  return small_cut(node, bins, min_leaf);
}

Cut best_cut_plain(const MediumNode& node, const std::uint16_t* counts, std::uint32_t min_leaf) {
#if defined(__x86_64__)
  if (has_avx2()) return medium_cut_avx2(node, counts, min_leaf);
#endif
  return medium_cut(node, counts, min_leaf);
}

Cut best_cut(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf) {
  return can_gather() && node.samples <= k_most_avx512 ? best_cut_avx512(node, bins, min_leaf)
                                                       : best_cut_plain(node, bins, min_leaf);
}

Cut best_cut(const MediumNode& node, const std::uint16_t* counts, std::uint32_t min_leaf) {
  return can_gather() ? best_cut_avx512(node, counts, min_leaf) : best_cut_plain(node, counts, min_leaf);
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
