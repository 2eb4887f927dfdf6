// A frame's own pixels, whatever their type and alignment, as counts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

// The pixel types that frames may have.
#define BL_FOR_EACH_PIXEL(build) build(std::uint8_t) build(std::uint16_t) build(std::uint32_t) build(float)

namespace bragglive::detail {

template <class Pixel>
struct RawImage {
  const std::byte* bytes = nullptr;
  int rows = 0, cols = 0;
  float factor = 1;                      // counts per unit of the pixels
  const std::uint8_t* usable = nullptr;  // rows * cols, 0 = masked; null = every pixel

  std::size_t index(int row, int col) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(cols) + static_cast<std::size_t>(col);
  }
  Pixel pixel(std::size_t at) const {
    Pixel value;
    std::memcpy(&value, bytes + at * sizeof value, sizeof value);
    return value;
  }
  // Negative values count as nothing.
  float counts(std::size_t at) const {
    const auto value = static_cast<float>(pixel(at));
    if constexpr (std::is_integral_v<Pixel>) return value;  // their factor is 1
    return value > 0 ? value * factor : 0.0f;
  }
  float counts(int row, int col) const { return counts(index(row, col)); }
};

}  // namespace bragglive::detail
