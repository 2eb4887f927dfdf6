#include "core/detect/noise_level.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/detect/disk_plan.hpp"

namespace bragglive::detail {

using Plan = DiskDetector::Plan;

template <class Pixel>
Noise noise_of(const RawImage<Pixel>& image, std::vector<float>& samples) {
  constexpr std::size_t k_samples = 256;
  constexpr std::size_t k_cols = 9;
  constexpr float k_least_counts = 12;
  constexpr double k_third = 0.186;
  constexpr double k_certain = 1.4;  // below, the estimate's own scatter could have done it
  samples.clear();
  const auto rows = static_cast<std::size_t>(image.rows);
  const auto cols = static_cast<std::size_t>(image.cols);
  if (rows < 3 || cols < k_cols) return {};
  const std::size_t row_room = rows - 2;
  const std::size_t col_room = cols - k_cols + 1;
  const auto mismatch = [](float left, float middle, float right) {
    const float difference = middle - 0.5f * (left + right);
    return difference * difference / (0.5f * (left + middle + right));
  };
  std::array<float, k_samples> single{};
  std::size_t singles_found = 0;
  for (std::size_t i = 0; i < k_samples; ++i) {
    // A Kronecker sequence spreads the samples evenly over any shape.
    const std::size_t row = (i * 40503 & 0xffff) * row_room >> 16;
    const std::size_t col = (i * 24109 & 0xffff) * col_room >> 16;
    const std::size_t at = row * cols + col;
    // Small integers are summed as such: 27 conversions would cost more than the rest.
    using Sum = std::conditional_t<sizeof(Pixel) <= 2, std::uint32_t, float>;
    const auto value = [&](std::size_t index) {
      if constexpr (sizeof(Pixel) <= 2)
        return static_cast<Sum>(image.pixel(index));
      else
        return image.counts(index);
    };
    std::array<float, 3> block;
    std::array<float, 3> single_at;
    for (std::size_t b = 0; b < 3; ++b) {
      Sum sum = 0;
      for (std::size_t c = 3 * b; c < 3 * b + 3; ++c)
        sum += value(at + c) + value(at + cols + c) + value(at + 2 * cols + c);
      block[b] = static_cast<float>(sum);
      single_at[b] = static_cast<float>(value(at + cols + 3 + b));
    }
    if (block[0] + block[1] + block[2] < k_least_counts) continue;
    if (single_at[0] + single_at[1] + single_at[2] > 0)
      single[singles_found++] = mismatch(single_at[0], single_at[1], single_at[2]);
    samples.push_back(mismatch(block[0], block[1], block[2]));
  }
  if (samples.size() < k_samples / 3) return {};
  const std::size_t third = samples.size() / 3;
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(third), samples.end());
  Noise noise;
  noise.per_count = static_cast<double>(samples[third]) / k_third;
  if (noise.per_count < k_certain) return {};
  noise.counted = false;
  if (singles_found >= k_samples / 8) {
    const auto middle = single.begin() + static_cast<std::ptrdiff_t>(singles_found / 3);
    std::nth_element(single.begin(), middle, single.begin() + static_cast<std::ptrdiff_t>(singles_found));
    noise.spread =
        std::clamp(noise.per_count * k_third / std::max(1e-6, static_cast<double>(*middle)), 1.0, 2.0);
  }
  return noise;
}

template <class Pixel>
double local_noise(const Plan& p, const RawImage<Pixel>& image, int row, int col, const Noise& noise) {
  const auto rows = static_cast<int>(p.shape.rows);
  const auto cols = static_cast<int>(p.shape.cols);
  std::array<double, Plan::k_sectors> found{};
  std::size_t count = 0;
  for (std::size_t sector = 0; sector < Plan::k_sectors; ++sector) {
    double n = 0, sum = 0, sum2 = 0;
    for (std::size_t i = p.sector_begin[sector]; i < p.sector_begin[sector + 1]; ++i) {
      const int r = row + p.ring[i].row;
      const int c = col + p.ring[i].col;
      if (r < 0 || c < 0 || r >= rows || c >= cols) continue;
      const auto value = static_cast<double>(image.counts(r, c));
      n += 1;
      sum += value;
      sum2 += value * value;
    }
    if (n >= 4 && sum > 0) found[count++] = (sum2 - sum * sum / n) / (n - 1) / (sum / n);
  }
  if (count < 3) return noise.per_count;
  const auto middle = found.begin() + static_cast<std::ptrdiff_t>(count / 2);
  std::nth_element(found.begin(), middle, found.begin() + static_cast<std::ptrdiff_t>(count));
  return std::max(1.0, noise.spread * *middle);
}

#define BL_INSTANTIATE(Pixel)                                           \
  template Noise noise_of(const RawImage<Pixel>&, std::vector<float>&); \
  template double local_noise(const Plan&, const RawImage<Pixel>&, int, int, const Noise&);
BL_FOR_EACH_PIXEL(BL_INSTANTIATE)
#undef BL_INSTANTIATE

}  // namespace bragglive::detail
