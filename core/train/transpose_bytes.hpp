// 16 x 16 bytes turned over, rows to columns.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bragglive {

// Row i of the square is at from[i]; column k goes to `to` + k * stride.
inline void transpose_16x16(const std::uint8_t* const* from, std::uint8_t* to, std::size_t stride) {
  typedef std::uint8_t Line __attribute__((vector_size(16)));
  Line a[16], b[16];
  for (std::size_t i = 0; i < 16; ++i) std::memcpy(&a[i], from[i], sizeof(Line));
  // Four times: the first half of the lines interleaved with the second.
  const auto interleave = [](const Line* in, Line* out) {
    for (std::size_t i = 0; i < 8; ++i) {
      out[2 * i] =
          __builtin_shufflevector(in[i], in[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      out[2 * i + 1] = __builtin_shufflevector(in[i], in[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                               14, 30, 15, 31);
    }
  };
  interleave(a, b);
  interleave(b, a);
  interleave(a, b);
  interleave(b, a);
  for (std::size_t k = 0; k < 16; ++k) std::memcpy(to + k * stride, &a[k], sizeof(Line));
}

}  // namespace bragglive
