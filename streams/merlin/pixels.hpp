// Merlin pixels to rows of native-endian numbers.
//
// Cooked formats are big-endian. Raw ones are as the chip shifts them out (LiberTEM
// src/libertem/io/dataset/mib.py): 1 bit: groups of 64 pixels = 8 bytes in reversed order; 6 bit: groups of 8
// bytes reversed; 12 bit: groups of 4 big-endian words reversed; 24 bit: two 12-bit pictures, the high 12
// bits first. A raw quad has in each row its chips 4|3|2|1; 1 and 2 are the upper half of the picture, 3 and
// 4 the lower half, turned by 180 degrees.
#pragma once
#include <span>

#include "streams/merlin/frame_header.hpp"

namespace bragglive::merlin {

// `in` has header.payload_bytes(); `out` frame_shape() pixels of pixel_type().
void to_pixels(const FrameHeader& header, std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace bragglive::merlin
