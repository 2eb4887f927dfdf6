#include "core/detect/fit_kernels.hpp"

#include "core/detect/simd.hpp"

namespace bragglive::detail {
namespace {

template <int lanes>
struct Floats {
  using type __attribute__((vector_size(lanes * 4))) = float;
};
template <int lanes>
using Vector = typename Floats<lanes>::type;

// By reference: a vector as a return value would depend on the instruction set.
template <class V>
BL_INLINE void load(const float* from, V& value) {
  __builtin_memcpy(&value, from, sizeof value);
}

template <int lanes>
BL_INLINE float total(const Vector<lanes>& value) {
  float part[lanes];
  __builtin_memcpy(part, &value, sizeof part);
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) part[i] += part[i + half];
  return part[0];
}

template <int lanes>
BL_INLINE void sum_fit_body(const FitWindow& window, const FitPoint& point, FitSums& sums) {
  Vector<lanes> f[10] = {};
  Vector<lanes> g[4] = {};
  const Vector<lanes> zero = {};
  const Vector<lanes> least = zero + point.least;
  for (std::size_t i = 0; i < window.size; i += lanes) {
    Vector<lanes> by_row, by_col, height, rest, good, data;
    load(window.shape.by_row + i, by_row);
    load(window.shape.by_col + i, by_col);
    load(window.shape.height + i, height);
    load(window.rest + i, rest);
    load(window.good + i, good);
    load(window.data + i, data);
    const Vector<lanes> t = height + point.row * by_row + point.col * by_col;
    const Vector<lanes> expected = point.background + point.height * t + rest;
    const Vector<lanes> weight = good / (expected > least ? expected : least);
    const Vector<lanes> residual = weight * (data - expected);
    const Vector<lanes> wt = weight * t;
    const Vector<lanes> wr = weight * by_row;
    const Vector<lanes> wc = weight * by_col;
    f[0] += wt * t;
    f[1] += wt;
    f[2] += weight;
    f[3] += wr * t;
    f[4] += wr;
    f[5] += wr * by_row;
    f[6] += wc * t;
    f[7] += wc;
    f[8] += wc * by_row;
    f[9] += wc * by_col;
    g[0] += residual * t;
    g[1] += residual;
    g[2] += residual * by_row;
    g[3] += residual * by_col;
  }
  for (int i = 0; i < 10; ++i) sums.fisher[i] = total<lanes>(f[i]);
  for (int i = 0; i < 4; ++i) sums.score[i] = total<lanes>(g[i]);
  // Derivatives by the centre carry the height.
  const float h = point.height;
  for (const int i : {3, 4, 6, 7}) sums.fisher[i] *= h;
  for (const int i : {5, 8, 9}) sums.fisher[i] *= h * h;
  sums.score[2] *= h;
  sums.score[3] *= h;
}

template <int lanes>
BL_INLINE float sum_residual_body(const FitWindow& window, const FitPoint& point, float edge) {
  Vector<lanes> sum = {};
  const Vector<lanes> zero = {};
  for (std::size_t i = 0; i < window.size; i += lanes) {
    Vector<lanes> by_row, by_col, height, rest, good, data;
    load(window.shape.by_row + i, by_row);
    load(window.shape.by_col + i, by_col);
    load(window.shape.height + i, height);
    load(window.rest + i, rest);
    load(window.good + i, good);
    load(window.data + i, data);
    const Vector<lanes> t = height + point.row * by_row + point.col * by_col;
    const Vector<lanes> expected = point.background + point.height * t + rest;
    const Vector<lanes> residual = good * (data - expected);
    sum += t > zero + edge ? residual : zero;
  }
  return total<lanes>(sum);
}

#define BL_FIT_KERNELS(suffix, lanes, attribute)                                                      \
  attribute void sum_fit_##suffix(const FitWindow& window, const FitPoint& point, FitSums& sums) {    \
    sum_fit_body<lanes>(window, point, sums);                                                         \
  }                                                                                                   \
  attribute float sum_residual_##suffix(const FitWindow& window, const FitPoint& point, float edge) { \
    return sum_residual_body<lanes>(window, point, edge);                                             \
  }                                                                                                   \
  constexpr FitKernels k_##suffix{sum_fit_##suffix, sum_residual_##suffix};

BL_FIT_KERNELS(plain, 4, )
#ifdef BL_SIMD_X86
BL_FIT_KERNELS(avx2, 8, BL_AVX2)
BL_FIT_KERNELS(avx512, 16, BL_AVX512)
#endif
#undef BL_FIT_KERNELS

}  // namespace

const FitKernels& fit_kernels() {
#ifdef BL_SIMD_X86
  static const SimdLevel level = simd_level();
  if (level == SimdLevel::avx512) return k_avx512;
  if (level == SimdLevel::avx2) return k_avx2;
#endif
  return k_plain;
}

}  // namespace bragglive::detail
