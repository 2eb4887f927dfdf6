#include "core/detect/fit_kernels.hpp"

#include <type_traits>

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

template <class Pixel, int lanes>
struct Pixels {
  using type __attribute__((vector_size(lanes * sizeof(Pixel)))) = Pixel;
};

template <class Pixel, int lanes>
BL_INLINE void copy_body(const std::byte* from, std::size_t pitch, std::size_t side, std::size_t stride,
                         float factor, float* to) {
  for (std::size_t row = 0; row < side; ++row)
    for (std::size_t col = 0; col < stride; col += lanes) {
      typename Pixels<Pixel, lanes>::type run;
      __builtin_memcpy(&run, from + (row * pitch + col) * sizeof(Pixel), sizeof run);
      Vector<lanes> value = factor * __builtin_convertvector(run, Vector<lanes>);
      if constexpr (std::is_floating_point_v<Pixel>) value = value > 0 ? value : Vector<lanes>{};
      __builtin_memcpy(to + row * stride + col, &value, sizeof value);
    }
}

template <int lanes>
struct Loaded {
  Vector<lanes> by_row, by_col, height, rest, good, data;
  BL_INLINE void at(const FitWindow& window, std::size_t i) {
    load(window.shape.by_row + i, by_row);
    load(window.shape.by_col + i, by_col);
    load(window.shape.height + i, height);
    load(window.rest + i, rest);
    load(window.good + i, good);
    load(window.data + i, data);
  }
};

template <int lanes>
BL_INLINE void sum_fit_body(const FitWindow& window, const FitPoint& point, FitSums& sums) {
  Vector<lanes> f[10] = {};
  Vector<lanes> g[4] = {};
  const Vector<lanes> zero = {};
  const Vector<lanes> least = zero + point.least;
  for (std::size_t i = 0; i < window.size; i += lanes) {
    Loaded<lanes> w;
    w.at(window, i);
    const Vector<lanes> t = w.height + point.row * w.by_row + point.col * w.by_col;
    const Vector<lanes> expected = point.background + point.height * t + w.rest;
    const Vector<lanes> weight = w.good / (expected > least ? expected : least);
    const Vector<lanes> residual = weight * (w.data - expected);
    const Vector<lanes> wt = weight * t;
    const Vector<lanes> wr = weight * w.by_row;
    const Vector<lanes> wc = weight * w.by_col;
    f[0] += wt * t;
    f[1] += wt;
    f[2] += weight;
    f[3] += wr * t;
    f[4] += wr;
    f[5] += wr * w.by_row;
    f[6] += wc * t;
    f[7] += wc;
    f[8] += wc * w.by_row;
    f[9] += wc * w.by_col;
    g[0] += residual * t;
    g[1] += residual;
    g[2] += residual * w.by_row;
    g[3] += residual * w.by_col;
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
BL_INLINE void sum_disk_body(const FitWindow& window, const FitPoint& point, float edge, DiskPixels& sums) {
  const Vector<lanes> zero = {};
  Vector<lanes> pixels = {};
  Vector<lanes> counts = {};
  Vector<lanes> residual = {};
  Vector<lanes> top = {};
  Vector<lanes> second = {};
  for (std::size_t i = 0; i < window.size; i += lanes) {
    Loaded<lanes> w;
    w.at(window, i);
    const Vector<lanes> t = w.height + point.row * w.by_row + point.col * w.by_col;
    const Vector<lanes> on = t > zero + edge ? w.good : zero;
    const Vector<lanes> value = on * (w.data - w.rest);
    pixels += on;
    counts += value;
    residual += value - on * (point.background + point.height * t);
    const Vector<lanes> lower = value < top ? value : top;
    top = value < top ? top : value;
    second = lower < second ? second : lower;
  }
  sums.pixels = total<lanes>(pixels);
  sums.counts = total<lanes>(counts);
  sums.residual = total<lanes>(residual);
  float part[2 * lanes];
  __builtin_memcpy(part, &top, sizeof top);
  __builtin_memcpy(part + lanes, &second, sizeof second);
  sums.top = sums.second = 0;
  for (const float value : part) {
    const float lower = value < sums.top ? value : sums.top;
    sums.top = value < sums.top ? sums.top : value;
    sums.second = lower < sums.second ? sums.second : lower;
  }
}

template <int lanes>
BL_INLINE void sum_plane_body(const FitWindow& window, const float* far, float rest_most, PlaneSums& sums) {
  const Vector<lanes> zero = {};
  Vector<lanes> s[9] = {};
  float places[lanes];
  for (int i = 0; i < lanes; ++i) places[i] = static_cast<float>(i);
  Vector<lanes> first;
  load(places, first);
  const auto half = static_cast<float>(window.size / window.stride / 2);
  float row = -half;
  for (std::size_t begin = 0; begin < window.size; begin += window.stride, row += 1)
    for (std::size_t col = 0; col < window.stride; col += lanes) {
      Vector<lanes> off, rest, data, good;
      load(far + begin + col, off);
      load(window.good + begin + col, good);
      load(window.rest + begin + col, rest);
      load(window.data + begin + col, data);
      off *= good;
      off = rest > zero + rest_most ? zero : off;
      const Vector<lanes> c = first + (static_cast<float>(col) - half);
      const Vector<lanes> value = off * (data - rest);
      const Vector<lanes> oc = off * c;
      s[0] += off;
      s[1] += off * row;
      s[2] += oc;
      s[3] += off * (row * row);
      s[4] += oc * row;
      s[5] += oc * c;
      s[6] += value;
      s[7] += value * row;
      s[8] += value * c;
    }
  sums = {total<lanes>(s[0]), total<lanes>(s[1]), total<lanes>(s[2]), total<lanes>(s[3]), total<lanes>(s[4]),
          total<lanes>(s[5]), total<lanes>(s[6]), total<lanes>(s[7]), total<lanes>(s[8])};
}

#define BL_COPY(name, Pixel, set, lanes, attribute)                                       \
  attribute void name##_##set(const std::byte* from, std::size_t pitch, std::size_t side, \
                              std::size_t stride, float factor, float* to) {              \
    copy_body<Pixel, lanes>(from, pitch, side, stride, factor, to);                       \
  }
#define BL_FIT_KERNELS(set, lanes, attribute)                                                   \
  BL_COPY(copy_u8, std::uint8_t, set, lanes, attribute)                                         \
  BL_COPY(copy_u16, std::uint16_t, set, lanes, attribute)                                       \
  BL_COPY(copy_u32, std::uint32_t, set, lanes, attribute)                                       \
  BL_COPY(copy_f32, float, set, lanes, attribute)                                               \
  attribute void sum_fit_##set(const FitWindow& window, const FitPoint& point, FitSums& sums) { \
    sum_fit_body<lanes>(window, point, sums);                                                   \
  }                                                                                             \
  attribute void sum_disk_##set(const FitWindow& window, const FitPoint& point, float edge,     \
                                DiskPixels& sums) {                                             \
    sum_disk_body<lanes>(window, point, edge, sums);                                            \
  }                                                                                             \
  attribute void sum_plane_##set(const FitWindow& window, const float* far, float rest_most,    \
                                 PlaneSums& sums) {                                             \
    sum_plane_body<lanes>(window, far, rest_most, sums);                                        \
  }                                                                                             \
  constexpr FitKernels k_##set{copy_u8_##set, copy_u16_##set, copy_u32_##set, copy_f32_##set,   \
                               sum_fit_##set, sum_disk_##set, sum_plane_##set};

BL_FIT_KERNELS(plain, 4, )
BL_FIT_KERNELS(avx2, 8, BL_AVX2)
BL_FIT_KERNELS(avx512, 16, BL_AVX512)

}  // namespace

const FitKernels& fit_kernels(InstructionSet set) {
  return choose(set, k_plain, k_avx2, k_avx512);
}

}  // namespace bragglive::detail
