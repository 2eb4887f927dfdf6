// The pixels of one DECTRIS image as they came, and how they become a payload of the running scan.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"
#include "streams/frame_source.hpp"

namespace bragglive::dectris {

struct ImageData {
  FrameShape shape;
  PixelType pixel = PixelType::u16;
  Encoding encoding = Encoding::none;
  std::size_t shuffle_bytes = 2;  // bslz4: the element that was shuffled, which need not be the pixel
  bool big_endian = false;
  std::span<const std::byte> bytes;

  // decode_payload(encoding, shape, pixel, …) can read it as it is.
  bool plain() const {
    return (!big_endian || bytes_per_pixel(pixel) == 1) &&
           (encoding != Encoding::bslz4 || shuffle_bytes == bytes_per_pixel(pixel));
  }
};

// Stream v1's grammar: optional "bs<BITS>", optional "-", optional "lz4", then "<" or ">".
Expected<void> read_encoding(std::string_view text, ImageData& image);

// Into native pixels; out has the frame's size.
Expected<void> decode(const ImageData& image, std::span<std::byte> out);
// Decoded, put right and packed again in another encoding.
Expected<std::vector<std::byte>> recode(const ImageData& image, Encoding encoding);

}  // namespace bragglive::dectris
