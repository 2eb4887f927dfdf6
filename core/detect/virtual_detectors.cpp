#include "core/detect/virtual_detectors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

namespace bragglive::detail {

template <class Pixel>
double counts_within(const RawImage<Pixel>& image, double centre_row, double centre_col,
                     double radius) noexcept {
  if (!(std::abs(centre_row) < 1e5 && std::abs(centre_col) < 1e5)) return 0;
  double sum = 0;
  const double last = std::min(image.rows - 1.0, std::floor(centre_row + radius));
  for (double row = std::max(0.0, std::ceil(centre_row - radius)); row <= last; ++row) {
    const double half = std::sqrt(std::max(0.0, radius * radius - (row - centre_row) * (row - centre_row)));
    const double right = std::min(image.cols - 1.0, std::floor(centre_col + half));
    const double left = std::max(0.0, std::ceil(centre_col - half));
    if (left > right) continue;
    const std::size_t first = image.index(static_cast<int>(row), static_cast<int>(left));
    const auto count = static_cast<std::size_t>(right - left) + 1;
    if constexpr (sizeof(Pixel) <= 2) {
      std::uint32_t line = 0;
      for (std::size_t i = 0; i < count; ++i) line += image.pixel(first + i);
      sum += line;
    } else {
      for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(image.counts(first + i));
    }
  }
  return sum;
}

namespace {

// A row's sum and its sum weighted by the column, in blocks of columns whose partial sums fit 32 bits.
template <class Pixel>
BL_INLINE void row_moments(const std::byte* from, std::size_t cols, double& sum, double& by_col) {
  constexpr std::size_t k_block = sizeof(Pixel) == 1 ? 4096 : 256;
  for (std::size_t begin = 0; begin < cols; begin += k_block) {
    const std::size_t n = std::min(k_block, cols - begin);
    using Sum = std::conditional_t<sizeof(Pixel) <= 2, std::uint32_t, float>;
    Sum part = 0;
    Sum weighted = 0;
    for (std::size_t i = 0; i < n; ++i) {
      Pixel value;
      __builtin_memcpy(&value, from + (begin + i) * sizeof value, sizeof value);
      const auto counts = static_cast<Sum>(value > 0 ? value : Pixel{0});
      part += counts;
      weighted += counts * static_cast<Sum>(i);
    }
    sum += static_cast<double>(part);
    by_col += static_cast<double>(weighted) + static_cast<double>(begin) * static_cast<double>(part);
  }
}

template <class Pixel>
BL_INLINE void moments_body(const std::byte* bytes, std::size_t rows, std::size_t cols, double* moments) {
  for (std::size_t row = 0; row < rows; ++row) {
    double sum = 0;
    row_moments<Pixel>(bytes + row * cols * sizeof(Pixel), cols, sum, moments[2]);
    moments[0] += sum;
    moments[1] += sum * static_cast<double>(row);
  }
}

template <class Pixel>
using Moments = void (*)(const std::byte* bytes, std::size_t rows, std::size_t cols, double* moments);

#define BL_MOMENTS(set, attribute)                                                         \
  template <class Pixel>                                                                   \
  attribute void moments_##set(const std::byte* bytes, std::size_t rows, std::size_t cols, \
                               double* moments) {                                          \
    moments_body<Pixel>(bytes, rows, cols, moments);                                       \
  }
BL_FOR_EACH_SET(BL_MOMENTS)

}  // namespace

template <class Pixel>
MassCentre mass_centre(const RawImage<Pixel>& image, InstructionSet set) noexcept {
  const Moments<Pixel> plain = moments_plain<Pixel>;
  const Moments<Pixel> avx2 = moments_avx2<Pixel>;
  const Moments<Pixel> avx512 = moments_avx512<Pixel>;
  std::array<double, 3> moments{};
  choose(set, plain, avx2, avx512)(image.bytes, static_cast<std::size_t>(image.rows),
                                   static_cast<std::size_t>(image.cols), moments.data());
  if (!(moments[0] > 0)) return {};
  return {moments[1] / moments[0], moments[2] / moments[0]};
}

#define BL_INSTANTIATE(Pixel)                                                             \
  template double counts_within(const RawImage<Pixel>&, double, double, double) noexcept; \
  template MassCentre mass_centre(const RawImage<Pixel>&, InstructionSet) noexcept;
BL_FOR_EACH_PIXEL(BL_INSTANTIATE)
#undef BL_INSTANTIATE

}  // namespace bragglive::detail
