#include "core/detect/fit_kernels.hpp"

#include <type_traits>
#include <utility>

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

// Lane i of the lower (or upper) halves of `width` wide blocks, those of two vectors in turn.
template <int lanes, int width, bool upper>
constexpr int half_of_block(int i) {
  const int in_block = i % width;
  const int from_second = in_block >= width / 2 ? lanes : 0;
  return i - in_block + in_block % (width / 2) + (upper ? width / 2 : 0) + from_second;
}

// Adds the halves of each block of `width` lanes: those of `a` first, then those of `b`.
template <int lanes, int width, int... i>
BL_INLINE void fold_two(Vector<lanes>& a, const Vector<lanes>& b, std::integer_sequence<int, i...>) {
  const Vector<lanes> lower = __builtin_shufflevector(a, b, half_of_block<lanes, width, false>(i)...);
  const Vector<lanes> upper = __builtin_shufflevector(a, b, half_of_block<lanes, width, true>(i)...);
  a = lower + upper;
}

template <int lanes, int width = lanes>
BL_INLINE void fold(Vector<lanes>* sums) {
  for (int i = 0; i < width / 2; ++i)
    fold_two<lanes, width>(sums[i], sums[i + width / 2], std::make_integer_sequence<int, lanes>());
  if constexpr (width > 2) fold<lanes, width / 2>(sums);
}

// out[i] = the sum over the lanes of sums[i].
template <int lanes, int count>
BL_INLINE void totals(const Vector<lanes> (&sums)[count], float (&out)[count]) {
  constexpr int k_groups = (count + lanes - 1) / lanes;
  Vector<lanes> all[k_groups * lanes];
  for (int i = 0; i < k_groups * lanes; ++i) all[i] = i < count ? sums[i] : Vector<lanes>{};
  float flat[k_groups * lanes];
  for (int group = 0; group < k_groups; ++group) {
    fold<lanes>(all + group * lanes);
    __builtin_memcpy(flat + group * lanes, all + group * lanes, sizeof all[0]);
  }
  for (int i = 0; i < count; ++i) out[i] = flat[i];
}

// Into `top` and `second`: the highest of two pairs of highest values.
template <class V>
BL_INLINE void raise(const V& top2, const V& second2, V& top, V& second) {
  const V lower = top < top2 ? top : top2;
  const V higher = second < second2 ? second2 : second;
  top = top < top2 ? top2 : top;
  second = lower < higher ? higher : lower;
}

// The same with what is `by` lanes away, so that in the end each lane has the highest of all.
template <int lanes, int by, int... i>
BL_INLINE void raise_across(Vector<lanes>& top, Vector<lanes>& second,
                            std::integer_sequence<int, i...> every) {
  const Vector<lanes> top2 = __builtin_shufflevector(top, top, ((i + by) % lanes)...);
  const Vector<lanes> second2 = __builtin_shufflevector(second, second, ((i + by) % lanes)...);
  raise(top2, second2, top, second);
  if constexpr (by > 1) raise_across<lanes, by / 2>(top, second, every);
}

template <class Pixel, int lanes>
struct Pixels {
  using type __attribute__((vector_size(lanes * sizeof(Pixel)))) = Pixel;
};

template <class Pixel, int lanes>
BL_INLINE void copy_body(const std::byte* middle, std::ptrdiff_t pitch, std::span<const WindowRow> rows,
                         float factor, float* to) {
  const auto height = static_cast<std::ptrdiff_t>(rows.size());
  const std::byte* line = middle - height / 2 * pitch * static_cast<std::ptrdiff_t>(sizeof(Pixel));
  // What a row's last vector writes too much the next row overwrites.
  for (const WindowRow& row : rows) {
    const std::byte* from = line - row.half * static_cast<std::ptrdiff_t>(sizeof(Pixel));
    for (int col = 0; col < 2 * row.half + 1; col += lanes) {
      typename Pixels<Pixel, lanes>::type run;
      __builtin_memcpy(&run, from + static_cast<std::size_t>(col) * sizeof(Pixel), sizeof run);
      Vector<lanes> value = factor * __builtin_convertvector(run, Vector<lanes>);
      if constexpr (std::is_floating_point_v<Pixel>) value = value > 0 ? value : Vector<lanes>{};
      __builtin_memcpy(to + row.begin + col, &value, sizeof value);
    }
    line += pitch * static_cast<std::ptrdiff_t>(sizeof(Pixel));
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

// Good to four digits, which is enough for weights.
template <int lanes>
BL_INLINE void reciprocal(Vector<lanes>& value) {
  // clang takes no operand of this size in a function that is inlined.
#if defined(BL_SIMD_X86) && !defined(__clang__)
  if constexpr (lanes == 16) {
    asm("vrcp14ps %0, %0" : "+v"(value));
    return;
  }
#endif
  value = 1 / value;
}

// The Fisher matrix's lower triangle, row by row, and the scores; parameters in the order height, background,
// row, column.
struct FitSums {
  float value[14];
};

template <int lanes>
BL_INLINE void sum_fit(const FitWindow& window, const FitPoint& point, FitSums& sums) {
  Vector<lanes> s[14] = {};
  const Vector<lanes> zero = {};
  const Vector<lanes> least = zero + point.least;
  for (std::size_t i = 0; i < window.size; i += lanes) {
    Loaded<lanes> w;
    w.at(window, i);
    const Vector<lanes> t = w.height + point.row * w.by_row + point.col * w.by_col;
    const Vector<lanes> expected = point.background + point.height * t + w.rest;
    Vector<lanes> weight = expected > least ? expected : least;
    reciprocal<lanes>(weight);
    weight *= w.good;
    const Vector<lanes> residual = weight * (w.data - expected);
    // Derivatives by the centre carry the height.
    const Vector<lanes> by_row = point.height * w.by_row;
    const Vector<lanes> by_col = point.height * w.by_col;
    const Vector<lanes> wt = weight * t;
    const Vector<lanes> wr = weight * by_row;
    const Vector<lanes> wc = weight * by_col;
    s[0] += wt * t;
    s[1] += wt;
    s[2] += weight;
    s[3] += wr * t;
    s[4] += wr;
    s[5] += wr * by_row;
    s[6] += wc * t;
    s[7] += wc;
    s[8] += wc * by_row;
    s[9] += wc * by_col;
    s[10] += residual * t;
    s[11] += residual;
    s[12] += residual * by_row;
    s[13] += residual * by_col;
  }
  totals<lanes>(s, sums.value);
}

// fisher * step = score in blocks of two: height and background first, what they leave of the centre then.
// false when the matrix is not positive definite.
BL_INLINE bool solve(const FitSums& sums, const CentrePrior& prior, FitStep& out) {
  constexpr float k_least = 1e-5f;
  const auto [hh, bh, bb, rh, rb, rr0, ch, cb, cr, cc0, gh, gb, gr0, gc0] = sums.value;
  const float rr = rr0 + prior.weight;
  const float cc = cc0 + prior.weight;
  const float gr = gr0 + prior.weight * prior.row;
  const float gc = gc0 + prior.weight * prior.col;
  const float det = hh * bb - bh * bh;
  if (!(hh > 0 && det > k_least * hh * bb)) return false;
  const float inverse = 1 / det;
  const float r0 = (bb * rh - bh * rb) * inverse;
  const float r1 = (hh * rb - bh * rh) * inverse;
  const float c0 = (bb * ch - bh * cb) * inverse;
  const float c1 = (hh * cb - bh * ch) * inverse;
  const float left_rr = rr - rh * r0 - rb * r1;
  const float left_cr = cr - ch * r0 - cb * r1;
  const float left_cc = cc - ch * c0 - cb * c1;
  const float left_det = left_rr * left_cc - left_cr * left_cr;
  if (!(left_rr > k_least * rr && left_cc > k_least * cc && left_det > k_least * left_rr * left_cc))
    return false;
  const float left_inverse = 1 / left_det;
  const float left_r = gr - r0 * gh - r1 * gb;
  const float left_c = gc - c0 * gh - c1 * gb;
  out.row = (left_cc * left_r - left_cr * left_c) * left_inverse;
  out.col = (left_rr * left_c - left_cr * left_r) * left_inverse;
  out.height = (bb * gh - bh * gb) * inverse - r0 * out.row - c0 * out.col;
  out.background = (hh * gb - bh * gh) * inverse - r1 * out.row - c1 * out.col;
  out.height_variance =
      bb * inverse + (r0 * r0 * left_cc - 2 * r0 * c0 * left_cr + c0 * c0 * left_rr) * left_inverse;
  out.information = (rr0 + cc0) / 2 + prior.weight;
  return true;
}

template <int lanes>
BL_INLINE bool step_body(const FitWindow& window, const FitPoint& point, const CentrePrior& prior,
                         FitStep& out) {
  FitSums sums;
  sum_fit<lanes>(window, point, sums);
  return solve(sums, prior, out);
}

template <int lanes>
BL_INLINE void sum_disk_body(const FitWindow& window, const FitPoint& point, float edge, DiskPixels& sums) {
  const Vector<lanes> zero = {};
  Vector<lanes> s[3] = {};
  Vector<lanes> top = {};
  Vector<lanes> second = {};
  for (std::size_t i = 0; i < window.size; i += lanes) {
    Loaded<lanes> w;
    w.at(window, i);
    const Vector<lanes> t = w.height + point.row * w.by_row + point.col * w.by_col;
    const Vector<lanes> on = t > zero + edge ? w.good : zero;
    const Vector<lanes> value = on * (w.data - w.rest);
    s[0] += on;
    s[1] += value;
    s[2] += value - on * (point.background + point.height * t);
    raise(value, zero, top, second);
  }
  float total[3];
  totals<lanes>(s, total);
  raise_across<lanes, lanes / 2>(top, second, std::make_integer_sequence<int, lanes>());
  sums = {total[0], total[1], total[2], top[0], second[0]};
}

template <int lanes>
BL_INLINE void sum_plane_body(const FitWindow& window, const WindowPlaces& places, const float* far,
                              float rest_most, PlaneSums& sums) {
  const Vector<lanes> zero = {};
  Vector<lanes> s[9] = {};
  for (std::size_t i = 0; i < window.size; i += lanes) {
    Vector<lanes> off, rest, data, good, r, c;
    load(far + i, off);
    load(window.good + i, good);
    load(window.rest + i, rest);
    load(window.data + i, data);
    load(places.row + i, r);
    load(places.col + i, c);
    off *= good;
    off = rest > zero + rest_most ? zero : off;
    const Vector<lanes> value = off * (data - rest);
    const Vector<lanes> down = off * r;
    const Vector<lanes> right = off * c;
    s[0] += off;
    s[1] += down;
    s[2] += right;
    s[3] += down * r;
    s[4] += down * c;
    s[5] += right * c;
    s[6] += value;
    s[7] += value * r;
    s[8] += value * c;
  }
  float t[9];
  totals<lanes>(s, t);
  sums = {t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8]};
}

// Compilers make vectors of it where the instruction set can look up in them.
BL_INLINE void radial_body(const WindowPlaces& places, const RadialProfile& profile, float middle,
                           std::size_t size, float* __restrict to) {
  const float* const level = profile.level;
  const RadialProfile p = profile;
  for (std::size_t i = 0; i < size; ++i) {
    const float down = p.row + places.row[i];
    const float right = p.col + places.col[i];
    const int entry = static_cast<int>(__builtin_sqrtf(down * down + right * right) * p.per_px + 0.5f);
    to[i] = level[entry < p.last ? entry : p.last] - middle;
  }
}

template <int lanes>
BL_INLINE void add_plane_body(const WindowPlaces& places, const Plane& plane, std::size_t size, float* to) {
  for (std::size_t i = 0; i < size; i += lanes) {
    Vector<lanes> value, row, col;
    load(to + i, value);
    load(places.row + i, row);
    load(places.col + i, col);
    value += plane.level + plane.by_row * row + plane.by_col * col;
    __builtin_memcpy(to + i, &value, sizeof value);
  }
}

template <int lanes>
BL_INLINE void mix_body(const TemplateMix& mix, std::size_t size, float* to) {
  for (std::size_t i = 0; i < size; i += lanes) {
    Vector<lanes> sum[3] = {};
    for (int k = 0; k < 4; ++k) {
      Vector<lanes> height, by_row, by_col;
      load(mix.corner[k] + i, height);
      load(mix.corner[k] + size + i, by_row);
      load(mix.corner[k] + 2 * size + i, by_col);
      sum[0] += mix.weight[k] * height + mix.by_row[k] * by_row + mix.by_col[k] * by_col;
      sum[1] += mix.weight[k] * by_row;
      sum[2] += mix.weight[k] * by_col;
    }
    for (std::size_t image = 0; image < 3; ++image)
      __builtin_memcpy(to + image * size + i, &sum[image], sizeof sum[image]);
  }
}

#define BL_COPY(name, Pixel, set, lanes, attribute)                                       \
  attribute void name##_##set(const std::byte* middle, std::ptrdiff_t pitch,              \
                              std::span<const WindowRow> rows, float factor, float* to) { \
    copy_body<Pixel, lanes>(middle, pitch, rows, factor, to);                             \
  }
#define BL_FIT_KERNELS(set, lanes, attribute)                                                                \
  BL_COPY(copy_u8, std::uint8_t, set, lanes, attribute)                                                      \
  BL_COPY(copy_u16, std::uint16_t, set, lanes, attribute)                                                    \
  BL_COPY(copy_u32, std::uint32_t, set, lanes, attribute)                                                    \
  BL_COPY(copy_f32, float, set, lanes, attribute)                                                            \
  attribute bool step_##set(const FitWindow& window, const FitPoint& point, const CentrePrior& prior,        \
                            FitStep& out) {                                                                  \
    return step_body<lanes>(window, point, prior, out);                                                      \
  }                                                                                                          \
  attribute void sum_disk_##set(const FitWindow& window, const FitPoint& point, float edge,                  \
                                DiskPixels& sums) {                                                          \
    sum_disk_body<lanes>(window, point, edge, sums);                                                         \
  }                                                                                                          \
  attribute void sum_plane_##set(const FitWindow& window, const WindowPlaces& places, const float* far,      \
                                 float rest_most, PlaneSums& sums) {                                         \
    sum_plane_body<lanes>(window, places, far, rest_most, sums);                                             \
  }                                                                                                          \
  attribute void radial_##set(const WindowPlaces& places, const RadialProfile& profile, float middle,        \
                              std::size_t size, float* to) {                                                 \
    radial_body(places, profile, middle, size, to);                                                          \
  }                                                                                                          \
  attribute void add_plane_##set(const WindowPlaces& places, const Plane& plane, std::size_t size,           \
                                 float* to) {                                                                \
    add_plane_body<lanes>(places, plane, size, to);                                                          \
  }                                                                                                          \
  attribute void mix_##set(const TemplateMix& mix, std::size_t size, float* to) {                            \
    mix_body<lanes>(mix, size, to);                                                                          \
  }                                                                                                          \
  constexpr FitKernels k_##set{copy_u8_##set,  copy_u16_##set,  copy_u32_##set, copy_f32_##set,  step_##set, \
                               sum_disk_##set, sum_plane_##set, radial_##set,   add_plane_##set, mix_##set};

BL_FIT_KERNELS(plain, 4, )
BL_FIT_KERNELS(avx2, 8, BL_AVX2)
BL_FIT_KERNELS(avx512, 16, BL_AVX512)

}  // namespace

const FitKernels& fit_kernels(InstructionSet set) {
  return choose(set, k_plain, k_avx2, k_avx512);
}

}  // namespace bragglive::detail
