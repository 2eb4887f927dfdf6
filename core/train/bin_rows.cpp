#include "core/train/bin_rows.hpp"

#include "core/forest/gather.hpp"

#if BL_HAS_GATHER
#include <algorithm>

namespace bragglive::detail {
namespace {

// Rows searched together, so that one's loads hide behind those of the others.
constexpr std::size_t k_together = 4;

template <std::size_t Rows>
BL_GATHER_INLINE void search(const float* edges, const float* values, std::size_t stride, __mmask16 there,
                             std::uint8_t* out, std::size_t out_stride) {
  const __m512i first = _mm512_setr_epi32(0, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304, 2560, 2816,
                                          3072, 3328, 3584, 3840);
  __m512 x[Rows];
  __m512i at[Rows];
  for (std::size_t r = 0; r < Rows; ++r) {
    x[r] = _mm512_maskz_loadu_ps(there, values + r * stride);
    at[r] = first;
    _mm_prefetch(reinterpret_cast<const char*>(values + r * stride + 16), _MM_HINT_T0);
  }
  for (int width = 128; width > 0; width /= 2)
    for (std::size_t r = 0; r < Rows; ++r) {
      const __m512 edge = _mm512_i32gather_ps(at[r], edges + (width - 1), 4);
      const __mmask16 above = _mm512_cmp_ps_mask(edge, x[r], _CMP_LT_OQ);
      at[r] = _mm512_mask_add_epi32(at[r], above, at[r], _mm512_set1_epi32(width));
    }
  for (std::size_t r = 0; r < Rows; ++r)
    _mm_mask_storeu_epi8(out + r * out_stride, there, _mm512_cvtepi32_epi8(_mm512_sub_epi32(at[r], first)));
}

}  // namespace

BL_GATHER void bin_sixteen(const BinRows& job, std::size_t feature, std::uint8_t* out,
                           std::size_t out_stride) {
  const std::size_t count = std::min<std::size_t>(16, job.features - feature);
  const auto there = static_cast<__mmask16>((1U << count) - 1);
  const float* const edges = job.edges + feature * k_edges_per_feature;
  const float* values = job.values + feature;
  std::size_t row = 0;
  for (; row + k_together <= job.rows; row += k_together)
    search<k_together>(edges, values + row * job.features, job.features, there, out + row * out_stride,
                       out_stride);
  for (; row < job.rows; ++row)
    search<1>(edges, values + row * job.features, job.features, there, out + row * out_stride, out_stride);
}

}  // namespace bragglive::detail

#else

namespace bragglive::detail {
void bin_sixteen(const BinRows&, std::size_t, std::uint8_t*, std::size_t) {}
}  // namespace bragglive::detail

#endif
