#include "core/forest/gather.hpp"
#include "core/train/split_kernels.hpp"

#if BL_HAS_GATHER
#include <algorithm>
#include <bit>

namespace bragglive::detail {
namespace {

constexpr std::size_t k_group = 16;

// Sixteen cuts: weight and sums of squares of the left and the right sides.
struct Sides {
  __m512i weight, left, right;
};

// Bits of the gains, which order like whole numbers; -1 where a side has too little.
BL_GATHER_INLINE __m512i gains(const Sides& sides, __m512i all, __m512i least) {
  const __m512i rest = _mm512_sub_epi32(all, sides.weight);
  const __mmask16 good =
      _mm512_mask_cmpge_epi32_mask(_mm512_cmpge_epi32_mask(sides.weight, least), rest, least);
  const __m512 gain = _mm512_add_ps(
      _mm512_maskz_div_ps(good, _mm512_cvtepi32_ps(sides.left), _mm512_cvtepi32_ps(sides.weight)),
      _mm512_maskz_div_ps(good, _mm512_cvtepi32_ps(sides.right), _mm512_cvtepi32_ps(rest)));
  return _mm512_mask_mov_epi32(_mm512_set1_epi32(-1), good, _mm512_castps_si512(gain));
}

// What one class, or a pair of them, weighs on the left goes into the sums. Lanes hold one or two 16-bit
// numbers.
BL_GATHER_INLINE void add_class(Sides& sides, __m512i left, __m512i all) {
  const __m512i right = _mm512_sub_epi16(all, left);
  sides.weight = _mm512_add_epi32(sides.weight, _mm512_madd_epi16(left, _mm512_set1_epi16(1)));
  sides.left = _mm512_add_epi32(sides.left, _mm512_madd_epi16(left, left));
  sides.right = _mm512_add_epi32(sides.right, _mm512_madd_epi16(right, right));
}

// Sum of this lane and all before it.
BL_GATHER_INLINE __m512i running_sum(__m512i words) {
  const __m512i zero = _mm512_setzero_si512();
  words = _mm512_add_epi32(words, _mm512_alignr_epi32(words, zero, 15));
  words = _mm512_add_epi32(words, _mm512_alignr_epi32(words, zero, 14));
  words = _mm512_add_epi32(words, _mm512_alignr_epi32(words, zero, 12));
  return _mm512_add_epi32(words, _mm512_alignr_epi32(words, zero, 8));
}

BL_GATHER_INLINE __m512i least_weight(std::uint32_t min_leaf) {
  return _mm512_set1_epi32(static_cast<int>(std::min(min_leaf, 1U << 30)));
}

}  // namespace

BL_GATHER Cut best_cut_avx512(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf) {
  constexpr std::size_t k_most = 64;
  const __m512i cut = _mm512_loadu_si512(bins);
  alignas(64) std::uint32_t fourfold[k_most];
  const __m512i four =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12));
  for (std::size_t j = 0; j < node.samples; j += k_group)
    _mm512_store_si512(
        fourfold + j,
        _mm512_shuffle_epi8(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bins + j))),
                            four));
  // sums[j]: weight of the samples before j that go left, per cut.
  alignas(64) std::uint8_t sums[k_most + 1][k_most];
  __m512i sum = _mm512_setzero_si512();
  _mm512_store_si512(sums[0], sum);
  for (std::size_t j = 0; j < node.samples; ++j) {
    const __mmask64 goes_left = _mm512_cmpge_epu8_mask(cut, _mm512_set1_epi32(static_cast<int>(fourfold[j])));
    sum = _mm512_mask_add_epi8(sum, goes_left, sum,
                               _mm512_set1_epi32(static_cast<int>(node.fourfold_weights[j])));
    _mm512_store_si512(sums[j + 1], sum);
  }
  const __m512i all = _mm512_set1_epi32(static_cast<int>(node.weight)), least = least_weight(min_leaf);
  int top = -1;
  std::size_t where = 0;
  for (std::size_t begin = 0; begin < node.samples; begin += k_group) {
    Sides sides{_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
    __m128i before = _mm_setzero_si128();
    for (std::uint32_t k = 0; k < node.classes; ++k) {
      const __m128i now = _mm_load_si128(reinterpret_cast<const __m128i*>(sums[node.class_end[k]] + begin));
      add_class(sides, _mm512_cvtepu8_epi32(_mm_sub_epi8(now, before)),
                _mm512_set1_epi32(node.class_weight[k]));
      before = now;
    }
    const __m512i here = gains(sides, all, least);
    const int highest = _mm512_reduce_max_epi32(here);
    if (highest <= top) continue;
    top = highest;
    where = begin + static_cast<std::size_t>(std::countr_zero(
                        static_cast<unsigned>(_mm512_cmpeq_epi32_mask(here, _mm512_set1_epi32(top)))));
  }
  if (top < 0) return {};
  return {static_cast<double>(std::bit_cast<float>(top)), bins[where]};
}

BL_GATHER Cut best_cut_avx512(const MediumNode& node, const std::uint16_t* counts, std::uint32_t min_leaf) {
  constexpr std::size_t k_bins = 256;
  alignas(64) std::int32_t bits[k_bins];
  __m512i highest = _mm512_set1_epi32(-1);
  Sides sides[k_bins / k_group];
  for (Sides& some : sides) some.weight = some.left = some.right = _mm512_setzero_si512();
  for (std::size_t pair = 0; pair < node.pairs; ++pair) {
    const std::uint16_t* const of_pair = counts + pair * 2 * k_bins;
    const __m512i all = _mm512_set1_epi32(std::bit_cast<int>(node.totals[pair]));
    __m512i before = _mm512_setzero_si512();
    for (std::size_t g = 0; g < k_bins / k_group; ++g) {
      const __m512i now =
          _mm512_add_epi32(running_sum(_mm512_loadu_si512(of_pair + g * 2 * k_group)), before);
      before = _mm512_permutexvar_epi32(_mm512_set1_epi32(15), now);
      add_class(sides[g], now, all);
    }
  }
  const __m512i all = _mm512_set1_epi32(static_cast<int>(node.weight)), least = least_weight(min_leaf);
  for (std::size_t g = 0; g < k_bins / k_group; ++g) {
    const __m512i here = gains(sides[g], all, least);
    highest = _mm512_max_epi32(highest, here);
    _mm512_store_si512(bits + g * k_group, here);
  }
  return node.first_of(bits, _mm512_reduce_max_epi32(highest));
}

}  // namespace bragglive::detail

#else

namespace bragglive::detail {
Cut best_cut_avx512(const SmallNode&, const std::uint8_t*, std::uint32_t) {
  return {};
}
Cut best_cut_avx512(const MediumNode&, const std::uint16_t*, std::uint32_t) {
  return {};
}
}  // namespace bragglive::detail

#endif
