#include "core/forest/gather.hpp"
#include "core/forest/walk.hpp"

#if BL_HAS_GATHER
#include <algorithm>
#include <bit>

namespace bragglive::detail {
namespace {

// Sixteen pairs: where each is in its tree, where its row begins, where its answer goes.
struct Lanes {
  __m512i node, row, slot;
  __mmask16 busy;
};

// Hands out the pairs, tree by tree, so that a tree stays in the cache while all rows pass through it.
struct Pairs {
  const Walk& job;
  std::size_t tree = 0, row = 0;

  // Lanes of `idle` get the next pairs while there are any.
  BL_GATHER_INLINE void fill(Lanes& lanes, std::uint32_t idle) {
    while (idle != 0 && tree + 1 < job.tree_start.size()) {
      const auto left = static_cast<std::uint32_t>(std::min<std::size_t>(job.count - row, 16));
      const std::uint32_t bits = _pdep_u32((1U << left) - 1, idle);
      const auto now = static_cast<__mmask16>(bits);
      const __m512i count = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
      const __m512i rows =
          _mm512_maskz_expand_epi32(now, _mm512_add_epi32(count, _mm512_set1_epi32(static_cast<int>(row))));
      lanes.row =
          _mm512_mask_mullo_epi32(lanes.row, now, rows, _mm512_set1_epi32(static_cast<int>(job.stride)));
      lanes.slot =
          _mm512_mask_add_epi32(lanes.slot, now, rows, _mm512_set1_epi32(static_cast<int>(tree * job.count)));
      lanes.node =
          _mm512_mask_mov_epi32(lanes.node, now, _mm512_set1_epi32(static_cast<int>(job.tree_start[tree])));
      lanes.busy = static_cast<__mmask16>(lanes.busy | now);
      idle &= ~bits;
      row += static_cast<std::size_t>(std::popcount(bits));
      if (row == job.count) row = 0, ++tree;
    }
  }
};

// One level down. A leaf stays where it is: its delta is 0. Gives the threshold, of a leaf the payload, and
// which lanes are not at a leaf.
BL_GATHER_INLINE __mmask16 step(const Walk& job, Lanes& lanes, __m512i& threshold) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  const __m512i low = _mm512_i32gather_epi64(_mm512_castsi512_si256(lanes.node), job.nodes, 8);
  const __m512i high = _mm512_i32gather_epi64(_mm512_extracti64x4_epi64(lanes.node, 1), job.nodes, 8);
  threshold = _mm512_permutex2var_epi32(low, even, high);
  const __m512i link = _mm512_permutex2var_epi32(low, odd, high);
  const __m512i feature =
      _mm512_and_si512(link, _mm512_set1_epi32(static_cast<int>(ForestNode::k_max_features - 1)));
  const __m512i delta = _mm512_srli_epi32(link, ForestNode::k_feature_bits);
  const __m512 value = _mm512_i32gather_ps(_mm512_add_epi32(lanes.row, feature), job.rows, 4);
  const __mmask16 inner = _mm512_test_epi32_mask(delta, delta);
  const __mmask16 right = _mm512_mask_cmp_ps_mask(inner, value, _mm512_castsi512_ps(threshold), _CMP_GT_OQ);
  lanes.node = _mm512_add_epi32(lanes.node, delta);
  lanes.node = _mm512_mask_add_epi32(lanes.node, right, lanes.node, _mm512_set1_epi32(1));
  return inner;
}

}  // namespace

BL_GATHER void walk_gathering(const Walk& job) noexcept {
  // Four vectors hide the loads; more gain nothing. Finished lanes are filled anew at every second level.
  constexpr std::size_t k_vectors = 4;
  Pairs pairs{job};
  Lanes lanes[k_vectors];
  for (Lanes& some : lanes) {
    some.node = some.row = some.slot = _mm512_setzero_si512();
    some.busy = 0;
    pairs.fill(some, 0xFFFF);
  }
  std::uint32_t busy = 1;
  while (busy != 0) {
    busy = 0;
    __m512i threshold;
    for (Lanes& some : lanes) step(job, some, threshold);
    for (Lanes& some : lanes) {
      const __mmask16 inner = step(job, some, threshold);
      const auto done = static_cast<__mmask16>(some.busy & ~inner);
      if (done != 0) {
        _mm512_mask_i32scatter_epi32(job.payload, done, some.slot, threshold, 4);
        some.busy = static_cast<__mmask16>(some.busy & inner);
        pairs.fill(some, done);
      }
      busy |= some.busy;
    }
  }
}

}  // namespace bragglive::detail

#else

namespace bragglive::detail {
void walk_gathering(const Walk& job) noexcept {
  walk_plain(job);
}
}  // namespace bragglive::detail

#endif
