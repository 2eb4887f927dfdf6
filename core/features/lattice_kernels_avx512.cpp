// The two loops that take longest, sixteen lanes wide. To be compiled without contraction to fused
// multiply-add: the results are those of the other instruction sets to the last bit.
#include "core/features/lattice_kernels.hpp"

#ifdef BL_SIMD_X86
#include <immintrin.h>

#include <cmath>

#define BL_LATTICE_AVX512 [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq")]]
#define BL_LATTICE_INLINE BL_LATTICE_AVX512 [[gnu::always_inline]] inline

namespace bragglive::indexing {
namespace {

using V = __m512;

BL_LATTICE_INLINE V all(float x) {
  return _mm512_set1_ps(x);
}
BL_LATTICE_INLINE V rounded(V x) {
  return _mm512_sub_ps(_mm512_add_ps(x, all(k_whole)), all(k_whole));
}
// x - n b
BL_LATTICE_INLINE V less(V x, V n, float b) {
  return _mm512_sub_ps(x, _mm512_mul_ps(n, all(b)));
}
// a x + b y
BL_LATTICE_INLINE V sum_of_products(V a, V x, V b, V y) {
  return _mm512_add_ps(_mm512_mul_ps(a, x), _mm512_mul_ps(b, y));
}
BL_LATTICE_INLINE V square_of(V a, V b, V c) {
  return _mm512_add_ps(sum_of_products(a, a, b, b), _mm512_mul_ps(c, c));
}
BL_LATTICE_INLINE __mmask16 is_less(__mmask16 where, V a, V b) {
  return _mm512_mask_cmp_ps_mask(where, a, b, _CMP_LT_OQ);
}
BL_LATTICE_INLINE V off_basis(V x, V n1, V n2, V n3, const std::array<float, 3>& b) {
  return less(less(less(x, n1, b[0]), n2, b[1]), n3, b[2]);
}
BL_LATTICE_INLINE void add(V& to, V what) {
  to = _mm512_add_ps(to, what);
}
BL_LATTICE_INLINE void add_product(V& to, V a, V b) {
  to = _mm512_add_ps(to, _mm512_mul_ps(a, b));
}
// Eight spots twice: for the layers n3 below and above.
BL_LATTICE_INLINE V twice(const Lane& lane, std::size_t at) {
  return _mm512_broadcast_f32x8(_mm256_load_ps(&lane[at]));
}

// [k]: the sum of the lanes of v[k], in the order of the other instruction sets
BL_LATTICE_INLINE __m128 sums_of(const V (&v)[4]) {
  __m128 w[4];
  for (int k = 0; k < 4; ++k) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v[k]), _mm512_extractf32x8_ps(v[k], 1));
    w[k] = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  }
  const __m128 one = _mm_add_ps(_mm_unpacklo_ps(w[0], w[1]), _mm_unpackhi_ps(w[0], w[1]));
  const __m128 two = _mm_add_ps(_mm_unpacklo_ps(w[2], w[3]), _mm_unpackhi_ps(w[2], w[3]));
  return _mm_add_ps(_mm_movelh_ps(one, two), _mm_movehl_ps(two, one));
}

}  // namespace

BL_LATTICE_AVX512 float all_layers_avx512(const Points& points, const PlaneCoordinates& plane,
                                          const Trial& trial, const FirstLayer& first, float enough) {
  const Vector a = trial.a, b = trial.b;
  const V tolerance2 = all(trial.tolerance2), slope = all(0.15F * trial.tolerance2);
  const V sign = _mm512_insertf32x8(all(-1), _mm256_set1_ps(1), 1);
  float sum = 0;
  for (std::size_t block = 0; block < k_blocks; ++block) {
    if (sum + first.most[block] <= enough) return sum + first.most[block];
    const std::size_t s = block * k_width;
    const V u0 = twice(plane.u, s), v0 = twice(plane.v, s), z0 = twice(points.z, s);
    V best = twice(first.gain, s);
    for (int layer = 1; layer <= k_layers; ++layer) {
      const V n3 = _mm512_mul_ps(sign, all(static_cast<float>(layer)));
      const V u = less(u0, n3, trial.cu), v = less(v0, n3, trial.cv);
      const V n1 = rounded(u), n2 = rounded(v);
      const V du = _mm512_sub_ps(u, n1), dv = _mm512_sub_ps(v, n2);
      const V x = sum_of_products(du, all(a.x), dv, all(b.x)),
              y = sum_of_products(du, all(a.y), dv, all(b.y));
      const V z = less(less(less(z0, n3, trial.c.z), n1, a.z), n2, b.z);
      const V square = square_of(n1, n2, n3), off = sum_of_products(x, x, y, y);
      const V gain = all(trial.gain[static_cast<std::size_t>(layer)]);
      __mmask16 explained = is_less(0xFFFF, off, _mm512_add_ps(_mm512_mul_ps(square, slope), tolerance2));
      explained = is_less(explained, off, _mm512_add_ps(tolerance2, tolerance2));
      explained = is_less(explained, _mm512_mul_ps(z, z),
                          _mm512_add_ps(_mm512_mul_ps(square, all(k_height_slope)), all(k_height)));
      explained = is_less(explained, square, all(k_highest));
      best = _mm512_mask_max_ps(best, explained, best, gain);
    }
    __m256 gain = _mm256_max_ps(_mm512_castps512_ps256(best), _mm512_extractf32x8_ps(best, 1));
    const __m256 none = _mm256_setzero_ps();
    gain = _mm256_mask_mov_ps(gain, _mm256_cmp_ps_mask(gain, none, _CMP_LE_OQ), _mm256_set1_ps(k_lost));
    const __mmask8 there =
        _mm256_cmp_ps_mask(_mm256_load_ps(&points.q2[s]), _mm256_set1_ps(k_far), _CMP_LT_OQ);
    gain = _mm256_maskz_mov_ps(there, gain);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(gain), _mm256_extractf128_ps(gain, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    sum += _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  return sum;
}

BL_LATTICE_AVX512 IndexSums index_avx512(const Points& points, const Basis& basis, const Window& window) {
  const auto [x0, x1, x2] = basis.x;
  const auto [y0, y1, y2] = basis.y;
  const LayerWindow layers(basis, window);
  const V none = _mm512_setzero_ps(), inverse = all(layers.inverse), highest = all(layers.highest);
  // count, Σ g_z², Σ d_xy², Σ d_z²; n n; g n
  V sums[5][4];
  for (auto& four : sums)
    for (V& v : four) v = none;
  for (std::size_t s = 0; s < k_lattice_spots && points.q2[s] < window.reach2; s += 2 * k_width) {
    const __mmask16 taken = s + 2 * k_width <= k_lattice_spots ? 0xFFFF : 0x00FF;
    const V px = _mm512_maskz_loadu_ps(taken, &points.x[s]), py = _mm512_maskz_loadu_ps(taken, &points.y[s]),
            pz = _mm512_maskz_loadu_ps(taken, &points.z[s]), q2 = _mm512_maskz_loadu_ps(taken, &points.q2[s]);
    const __mmask16 inside = is_less(taken, q2, all(window.reach2));
    V layer = none;
    if (layers.some) {
      layer = rounded(
          _mm512_mul_ps(less(less(pz, px, layers.slope_x), py, layers.slope_y), all(layers.per_step)));
      layer = _mm512_max_ps(_mm512_min_ps(layer, highest), _mm512_sub_ps(none, highest));
    }
    V best = all(k_unindexed), best1 = none, best2 = none, best3 = none;
    for (int side = -layers.sides; side <= layers.sides; ++side) {
      const V n3 = _mm512_add_ps(layer, all(static_cast<float>(side)));
      const V x = less(px, n3, x2), y = less(py, n3, y2);
      const V n1 = rounded(_mm512_mul_ps(less(_mm512_mul_ps(x, all(y1)), y, x1), inverse));
      const V n2 = rounded(
          _mm512_mul_ps(_mm512_sub_ps(_mm512_mul_ps(all(x0), y), _mm512_mul_ps(all(y0), x)), inverse));
      const V dx = less(less(x, n1, x0), n2, x1), dy = less(less(y, n1, y0), n2, y1);
      const V dz = off_basis(pz, n1, n2, n3, basis.z);
      const V off = sum_of_products(dx, dx, dy, dy), off_z = _mm512_mul_ps(dz, dz);
      const V cost = _mm512_add_ps(sum_of_products(off, all(window.weight_xy), off_z, all(window.weight_z)),
                                   _mm512_mul_ps(all(k_cost_of_index), square_of(n1, n2, n3)));
      __mmask16 better = is_less(inside, off, all(window.tolerance2));
      better = is_less(better, off_z, all(window.tolerance_z2));
      better = is_less(better, _mm512_mul_ps(n3, n3), all(layers.highest * layers.highest + 0.5F));
      better = is_less(better, cost, best);
      best = _mm512_mask_mov_ps(best, better, cost), best1 = _mm512_mask_mov_ps(best1, better, n1);
      best2 = _mm512_mask_mov_ps(best2, better, n2), best3 = _mm512_mask_mov_ps(best3, better, n3);
    }
    const __mmask16 indexed = is_less(0xFFFF, best, all(k_unindexed));
    const V z = _mm512_maskz_mov_ps(indexed, pz);
    const V dx = _mm512_maskz_mov_ps(indexed, off_basis(px, best1, best2, best3, basis.x));
    const V dy = _mm512_maskz_mov_ps(indexed, off_basis(py, best1, best2, best3, basis.y));
    const V dz = _mm512_maskz_mov_ps(indexed, off_basis(pz, best1, best2, best3, basis.z));
    add(sums[0][0], _mm512_maskz_mov_ps(indexed, all(1)));
    add_product(sums[0][1], z, z);
    add(sums[0][2], sum_of_products(dx, dx, dy, dy));
    add_product(sums[0][3], dz, dz);
    add_product(sums[1][0], best1, best1), add_product(sums[1][1], best1, best2);
    add_product(sums[1][2], best1, best3), add_product(sums[1][3], best2, best2);
    add_product(sums[2][0], best2, best3), add_product(sums[2][1], best3, best3);
    add_product(sums[2][2], px, best1), add_product(sums[2][3], px, best2);
    add_product(sums[3][0], px, best3), add_product(sums[3][1], py, best1);
    add_product(sums[3][2], py, best2), add_product(sums[3][3], py, best3);
    add_product(sums[4][0], pz, best1), add_product(sums[4][1], pz, best2),
        add_product(sums[4][2], pz, best3);
  }
  std::array<float, 20> out;
  for (std::size_t k = 0; k < 5; ++k) _mm_storeu_ps(&out[4 * k], sums_of(sums[k]));
  return {out[0],
          {out[4], out[5], out[6], out[7], out[8], out[9]},
          {{{out[10], out[11], out[12]}, {out[13], out[14], out[15]}, {out[16], out[17], out[18]}}},
          out[1],
          out[2],
          out[3]};
}

}  // namespace bragglive::indexing
#endif
