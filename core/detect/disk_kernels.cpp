#include "core/detect/disk_kernels.hpp"

#include <algorithm>

namespace bragglive::detail {
namespace {

// One source, compiled for several instruction sets: the bodies are inlined into functions that carry the
// target.
#define BL_INLINE [[gnu::always_inline]] inline

BL_INLINE void disk_row_sum_body(MapView prefix, std::ptrdiff_t y, std::span<const int> half_widths,
                                 std::size_t cols, std::uint32_t* __restrict out) {
  constexpr std::size_t k_block = 64;  // stays in registers over the rows of the disk
  const auto reach = static_cast<std::ptrdiff_t>(half_widths.size() / 2);
  for (std::size_t x0 = 0; x0 < cols; x0 += k_block) {
    std::uint32_t sum[k_block] = {};
    for (std::ptrdiff_t dy = -reach; dy <= reach; ++dy) {
      const std::ptrdiff_t half = half_widths[static_cast<std::size_t>(dy + reach)];
      const std::uint32_t* row = prefix.data + (y + dy) * prefix.stride + static_cast<std::ptrdiff_t>(x0);
      const std::uint32_t* right = row + half + 1;
      const std::uint32_t* left = row - half;
      for (std::size_t i = 0; i < k_block; ++i) sum[i] += right[i] - left[i];
    }
    const std::size_t n = std::min(k_block, cols - x0);
    if (n == k_block)
      for (std::size_t i = 0; i < k_block; ++i) out[x0 + i] = sum[i];
    else
      for (std::size_t i = 0; i < n; ++i) out[x0 + i] = sum[i];
  }
}

BL_INLINE void flag_peaks_body(MapView sums, std::ptrdiff_t y, std::size_t first, std::size_t last,
                               const PeakTest& test, std::uint8_t* __restrict flags) {
  const std::uint32_t* at = sums.data + y * sums.stride;
  const std::ptrdiff_t s = sums.stride;
  const std::ptrdiff_t d = test.distance;
  const std::ptrdiff_t e = (test.distance * 181 + 128) / 256;  // the diagonal pairs are as far away
  const float variance_per_count = test.threshold2 * test.noise_scale;
  for (std::size_t x = first; x < last; ++x) {
    const std::uint32_t* p = at + x;
    const std::uint32_t v = *p;
    const std::uint32_t before = std::max(std::max(p[-s - 1], p[-s]), std::max(p[-s + 1], p[-1]));
    const std::uint32_t after = std::max(std::max(p[s - 1], p[s]), std::max(p[s + 1], p[1]));
    const float across = static_cast<float>(static_cast<std::int32_t>((p[-d] >> 1) + (p[d] >> 1)));
    const float down = static_cast<float>(static_cast<std::int32_t>((p[-d * s] >> 1) + (p[d * s] >> 1)));
    const float fall =
        static_cast<float>(static_cast<std::int32_t>((p[-e * s - e] >> 1) + (p[e * s + e] >> 1)));
    const float rise =
        static_cast<float>(static_cast<std::int32_t>((p[-e * s + e] >> 1) + (p[e * s - e] >> 1)));
    const float background = std::min(std::min(across, down), std::min(fall, rise));
    const float value = static_cast<float>(static_cast<std::int32_t>(v));
    const float excess = value - background;
    const bool peak = (v > before) & (v >= after);
    const bool strong =
        (excess > 0) & (value >= test.min_sum) & (excess * excess > variance_per_count * background * 1.5f);
    flags[x] = static_cast<std::uint8_t>(peak & strong);
  }
}

void disk_row_sum_plain(MapView prefix, std::ptrdiff_t y, std::span<const int> half_widths, std::size_t cols,
                        std::uint32_t* out) {
  disk_row_sum_body(prefix, y, half_widths, cols, out);
}
void flag_peaks_plain(MapView sums, std::ptrdiff_t y, std::size_t first, std::size_t last,
                      const PeakTest& test, std::uint8_t* flags) {
  flag_peaks_body(sums, y, first, last, test, flags);
}

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2,fma")]] void disk_row_sum_avx2(MapView prefix, std::ptrdiff_t y,
                                                   std::span<const int> half_widths, std::size_t cols,
                                                   std::uint32_t* out) {
  disk_row_sum_body(prefix, y, half_widths, cols, out);
}
[[gnu::target("avx2,fma")]] void flag_peaks_avx2(MapView sums, std::ptrdiff_t y, std::size_t first,
                                                 std::size_t last, const PeakTest& test,
                                                 std::uint8_t* flags) {
  flag_peaks_body(sums, y, first, last, test, flags);
}
[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")]] void disk_row_sum_avx512(
    MapView prefix, std::ptrdiff_t y, std::span<const int> half_widths, std::size_t cols,
    std::uint32_t* out) {
  disk_row_sum_body(prefix, y, half_widths, cols, out);
}
[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")]] void flag_peaks_avx512(
    MapView sums, std::ptrdiff_t y, std::size_t first, std::size_t last, const PeakTest& test,
    std::uint8_t* flags) {
  flag_peaks_body(sums, y, first, last, test, flags);
}
#endif

DiskKernels choose() {
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    return {disk_row_sum_avx512, flag_peaks_avx512, "avx512"};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {disk_row_sum_avx2, flag_peaks_avx2, "avx2"};
#endif
  return {disk_row_sum_plain, flag_peaks_plain, "plain"};
}

}  // namespace

const DiskKernels& disk_kernels() {
  static const DiskKernels chosen = choose();
  return chosen;
}

}  // namespace bragglive::detail
