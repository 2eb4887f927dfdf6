// Vectors of cells: 32 lanes, spelled out so that they stay in registers; narrower processors take two or
// four each. They go by reference: as return values they would depend on the instruction set.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/detect/reduce_kernels.hpp"
#include "core/detect/simd.hpp"

namespace bragglive::detail {

using Lanes = Cell __attribute__((vector_size(64)));
using HalfLanes = Cell __attribute__((vector_size(32)));

template <class Some>
BL_INLINE void load(const Cell* from, Some& lanes) {
  __builtin_memcpy(&lanes, from, sizeof lanes);
}
BL_INLINE void raise(const Cell* from, Lanes& lanes) {
  Lanes other;
  load(from, other);
  lanes = lanes > other ? lanes : other;
}

BL_INLINE bool any(const Lanes& mask) {
  HalfLanes halves[2];
  __builtin_memcpy(halves, &mask, sizeof halves);
  halves[0] |= halves[1];
  std::uint64_t words[4];
  __builtin_memcpy(words, halves, sizeof words);
  return ((words[0] | words[1]) | (words[2] | words[3])) != 0;
}

// -1 where a value at `q` is a local maximum in a map with this stride: strictly above the neighbours that
// come before it in reading order, not below the others.
BL_INLINE void find_maxima(const Cell* q, std::ptrdiff_t stride, const Lanes& value, Lanes& flags) {
  Lanes before;
  Lanes after;
  load(q - stride - 1, before);
  raise(q - stride, before);
  raise(q - stride + 1, before);
  raise(q - 1, before);
  load(q + 1, after);
  raise(q + stride - 1, after);
  raise(q + stride, after);
  raise(q + stride + 1, after);
  flags = ((before - value) & (after - value - 1)) >> 15;
}

// Calls `work` with the number of each lane that is -1; the others are 0.
template <class Work>
BL_INLINE void for_each_flag(const Lanes& flags, const Work& work) {
  using ByteLanes = std::int8_t __attribute__((vector_size(32)));
  const ByteLanes bytes = __builtin_convertvector(flags, ByteLanes);
  std::uint64_t words[4];
  __builtin_memcpy(words, &bytes, sizeof words);
  for (std::size_t w = 0; w < 4; ++w)
    while (words[w] != 0) {
      // A flag is a byte of ones: the lowest is taken, then cleared.
      const auto byte = static_cast<std::size_t>(__builtin_ctzll(words[w])) / 8;
      words[w] &= ~(std::uint64_t{0xff} << (8 * byte));
      work(8 * w + byte);
    }
}

}  // namespace bragglive::detail
