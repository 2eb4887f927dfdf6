// How a file stores a pixel, and the pixel type that it becomes.
//
// uint8, uint16, uint32 and float32 keep their values. Signed integers, float16 and float64 become float32;
// uint64 becomes uint32 and saturates. Byte order is turned where needed.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "core/frame/frame_view.hpp"

namespace bragglive {

struct PixelFormat {
  enum class Kind { unsigned_integer, signed_integer, floating } kind = Kind::unsigned_integer;
  std::size_t bytes = 2;
  bool big_endian = false;

  std::optional<PixelType> pixel_type() const;  // nullopt: not a pixel that can be read
  bool native() const;                          // the bytes in the file are the pixels
};

// "<u2", ">f4", "|u1" as numpy writes it.
std::optional<PixelFormat> pixel_format_from_numpy(std::string_view descr);

// `in` holds n pixels of `format`, `out` n pixels of format.pixel_type(); neither need be aligned.
void convert_pixels(const PixelFormat& format, std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace bragglive
