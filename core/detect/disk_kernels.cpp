#include "core/detect/disk_kernels.hpp"

#include <algorithm>

#include "core/detect/simd.hpp"

namespace bragglive::detail {
namespace {

// Sixteen lanes, spelled out so that the sums of a block stay in registers; narrower processors take two or
// four each.
constexpr std::size_t k_lanes = 16;
using Lanes = std::int32_t __attribute__((vector_size(64)));
using LanesU16 = std::uint16_t __attribute__((vector_size(32)));
using FloatLanes = float __attribute__((vector_size(64)));

BL_INLINE void load(const std::uint16_t* from, Lanes& lanes) {
  LanesU16 raw;
  __builtin_memcpy(&raw, from, sizeof raw);
  lanes = __builtin_convertvector(raw, Lanes);
}
BL_INLINE void load(const std::uint32_t* from, Lanes& lanes) {
  __builtin_memcpy(&lanes, from, sizeof lanes);
}
BL_INLINE void load(const std::int32_t* from, Lanes& lanes) {
  __builtin_memcpy(&lanes, from, sizeof lanes);
}

template <std::size_t vectors, class Pixel>
BL_INLINE void column_runs(const Pixel* centre, std::ptrdiff_t stride, const DiskRuns& disk,
                           std::int32_t* columns, std::size_t columns_stride) {
  Lanes sum[vectors];
  for (std::size_t v = 0; v < vectors; ++v) load(centre + v * k_lanes, sum[v]);
  std::ptrdiff_t reached = 0;
  for (std::size_t level = 0; level < disk.levels.size(); ++level) {
    while (reached < disk.levels[level]) {
      ++reached;
      for (std::size_t v = 0; v < vectors; ++v) {
        Lanes above;
        Lanes below;
        load(centre - reached * stride + v * k_lanes, above);
        load(centre + reached * stride + v * k_lanes, below);
        sum[v] += above + below;
      }
    }
    __builtin_memcpy(columns + level * columns_stride, sum, sizeof sum);
  }
}

template <std::size_t vectors>
BL_INLINE void add_columns(const std::int32_t* columns, std::size_t columns_stride,
                           std::span<const int> level_of, Lanes (&sum)[vectors]) {
  const auto row_of = [&](std::size_t d) {
    return columns + static_cast<std::size_t>(level_of[d]) * columns_stride;
  };
  for (std::size_t v = 0; v < vectors; ++v) load(row_of(0) + v * k_lanes, sum[v]);
  for (std::size_t d = 1; d < level_of.size(); ++d) {
    const std::int32_t* row = row_of(d);
    for (std::size_t v = 0; v < vectors; ++v) {
      Lanes left;
      Lanes right;
      load(row - d + v * k_lanes, left);
      load(row + d + v * k_lanes, right);
      sum[v] += left + right;
    }
  }
}

template <std::size_t vectors>
BL_INLINE void across_columns(const std::int32_t* columns, std::size_t columns_stride, const DiskRuns& disk,
                              std::int32_t* out, float* sharp) {
  Lanes inner[vectors];
  Lanes outer[vectors];
  add_columns<vectors>(columns, columns_stride, disk.disk, inner);
  add_columns<vectors>(columns, columns_stride, disk.outer, outer);
  __builtin_memcpy(out, inner, sizeof inner);
  for (std::size_t v = 0; v < vectors; ++v) {
    const FloatLanes ring = __builtin_convertvector(outer[v] - inner[v], FloatLanes);
    const FloatLanes value = __builtin_convertvector(inner[v], FloatLanes) - disk.ring_weight * ring;
    __builtin_memcpy(sharp + v * k_lanes, &value, sizeof value);
  }
}

template <class Pixel>
BL_INLINE void disk_sums_body(MapView<Pixel> image, std::ptrdiff_t y, const DiskRuns& disk, std::size_t cols,
                              std::int32_t* columns, std::size_t columns_stride, std::int32_t* out,
                              float* sharp) {
  constexpr std::size_t k_vectors = 4;
  const Pixel* centre = image.data + y * image.stride;
  const std::size_t wide = cols / (k_vectors * k_lanes) * (k_vectors * k_lanes);
  std::size_t x = 0;
  for (; x < wide; x += k_vectors * k_lanes)
    column_runs<k_vectors>(centre + x, image.stride, disk, columns + x, columns_stride);
  for (; x < cols; x += k_lanes) column_runs<1>(centre + x, image.stride, disk, columns + x, columns_stride);
  for (x = 0; x < wide; x += k_vectors * k_lanes)
    across_columns<k_vectors>(columns + x, columns_stride, disk, out + x, sharp + x);
  for (; x < cols; x += k_lanes) across_columns<1>(columns + x, columns_stride, disk, out + x, sharp + x);
}

BL_INLINE std::size_t find_peaks_body(MapView<std::int32_t> sums, MapView<float> sharp, std::ptrdiff_t y,
                                      std::size_t first, std::size_t last, const PeakTest& test,
                                      std::uint16_t* found, std::size_t room) {
  constexpr std::size_t k_block = 64;
  const std::int32_t* sum_row = sums.data + y * sums.stride;
  const float* sharp_row = sharp.data + y * sharp.stride;
  const std::ptrdiff_t s = sharp.stride;
  const std::ptrdiff_t down = test.distance * sums.stride;
  const std::ptrdiff_t right = test.distance;
  const std::ptrdiff_t fall = test.diagonal * sums.stride + test.diagonal;
  const std::ptrdiff_t rise = test.diagonal * sums.stride - test.diagonal;
  const float quarter_variance = 2 * 1.5f * test.variance;
  std::size_t count = 0;
  for (std::size_t x0 = first; x0 < last; x0 += k_block) {
    // Where counts are few most blocks hold no sum worth a look.
    std::int32_t worth = 0;
    for (std::size_t i = 0; i < k_block; ++i) worth |= sum_row[x0 + i] >= test.min_sum;
    if (!worth) continue;
    std::int32_t flags[k_block];
    std::int32_t any = 0;
    for (std::size_t i = 0; i < k_block; ++i) {
      const float* q = sharp_row + x0 + i;
      const std::int32_t* p = sum_row + x0 + i;
      const float v = *q;
      const std::int32_t top = (v > q[-s - 1]) & (v > q[-s]) & (v > q[-s + 1]) & (v > q[-1]) & (v >= q[1]) &
                               (v >= q[s - 1]) & (v >= q[s]) & (v >= q[s + 1]);
      const std::int32_t flat = std::min(p[-right] + p[right], p[-down] + p[down]);
      const std::int32_t tilted = std::min(p[-fall] + p[fall], p[-rise] + p[rise]);
      // Twice the background and twice the excess, so that nothing is rounded.
      const float background = static_cast<float>(std::min(flat, tilted));
      const float excess = 2 * static_cast<float>(*p) - background;
      const std::int32_t flag =
          top & (*p >= test.min_sum) & (excess > 0) & (excess * excess > quarter_variance * background);
      flags[i] = flag;
      any |= flag;
    }
    if (!any) continue;
    const std::size_t n = std::min(k_block, last - x0);
    for (std::size_t i = 0; i < n; ++i)
      if (flags[i] && count < room) found[count++] = static_cast<std::uint16_t>(x0 + i);
  }
  return count;
}

// The three builds of each body.
#define BL_DISK_KERNELS(suffix, attribute)                                                                  \
  attribute void sums_u16_##suffix(MapView<std::uint16_t> image, std::ptrdiff_t y, const DiskRuns& disk,    \
                                   std::size_t cols, std::int32_t* columns, std::size_t columns_stride,     \
                                   std::int32_t* out, float* sharp) {                                       \
    disk_sums_body(image, y, disk, cols, columns, columns_stride, out, sharp);                              \
  }                                                                                                         \
  attribute void sums_u32_##suffix(MapView<std::uint32_t> image, std::ptrdiff_t y, const DiskRuns& disk,    \
                                   std::size_t cols, std::int32_t* columns, std::size_t columns_stride,     \
                                   std::int32_t* out, float* sharp) {                                       \
    disk_sums_body(image, y, disk, cols, columns, columns_stride, out, sharp);                              \
  }                                                                                                         \
  attribute std::size_t find_peaks_##suffix(MapView<std::int32_t> sums, MapView<float> sharp,               \
                                            std::ptrdiff_t y, std::size_t first, std::size_t last,          \
                                            const PeakTest& test, std::uint16_t* found, std::size_t room) { \
    return find_peaks_body(sums, sharp, y, first, last, test, found, room);                                 \
  }                                                                                                         \
  constexpr DiskKernels k_##suffix{sums_u16_##suffix, sums_u32_##suffix, find_peaks_##suffix};

BL_DISK_KERNELS(plain, )
#ifdef BL_SIMD_X86
BL_DISK_KERNELS(avx2, BL_AVX2)
BL_DISK_KERNELS(avx512, BL_AVX512)
#endif
#undef BL_DISK_KERNELS

}  // namespace

const DiskKernels& disk_kernels() {
#ifdef BL_SIMD_X86
  static const SimdLevel level = simd_level();
  if (level == SimdLevel::avx512) return k_avx512;
  if (level == SimdLevel::avx2) return k_avx2;
#endif
  return k_plain;
}

}  // namespace bragglive::detail
