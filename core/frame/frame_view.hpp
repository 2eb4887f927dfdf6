// A detector frame as the pipeline sees it: shape, pixel type and borrowed pixels.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bragglive {

enum class PixelType : std::uint8_t { u8 = 1, u16 = 2, u32 = 3, f32 = 4 };

constexpr std::size_t bytes_per_pixel(PixelType type) {
  switch (type) {
    case PixelType::u8: return 1;
    case PixelType::u16: return 2;
    case PixelType::u32:
    case PixelType::f32: return 4;
  }
  return 0;
}

constexpr std::string_view name_of(PixelType type) {
  switch (type) {
    case PixelType::u8: return "uint8";
    case PixelType::u16: return "uint16";
    case PixelType::u32: return "uint32";
    case PixelType::f32: return "float32";
  }
  return "unknown";
}

constexpr std::optional<PixelType> pixel_type_from_name(std::string_view name) {
  for (PixelType type : {PixelType::u8, PixelType::u16, PixelType::u32, PixelType::f32})
    if (name == name_of(type)) return type;
  return std::nullopt;
}

// Rows are the first axis (qx), columns the second (qy); pixel centres lie at integers.
struct FrameShape {
  std::uint32_t rows = 0;
  std::uint32_t cols = 0;
  constexpr std::size_t pixels() const { return std::size_t{rows} * cols; }
  friend bool operator==(const FrameShape&, const FrameShape&) = default;
};

constexpr std::uint32_t k_max_detector_side = 8192;  // larger frames are refused wherever they come from

// Borrowed, row-major, native-endian pixels. The pixels need not be aligned: they may lie inside a message.
struct FrameView {
  const void* pixels = nullptr;
  FrameShape shape;
  PixelType type = PixelType::u16;
  constexpr std::size_t bytes() const { return shape.pixels() * bytes_per_pixel(type); }
};

}  // namespace bragglive
