// The bit transpose of bitshuffle (Masui et al. 2015, doi:10.1016/j.ascom.2015.07.002): element bits sorted
// into bit planes.
//
// A block of n elements of s bytes becomes 8 s planes of n/8 bytes; plane 8 b + k holds bit k of byte b of
// every element, element 0 in the least significant bit. That is the layout of DECTRIS streams and of HDF5
// filter 32008.
#pragma once
#include <cstddef>

namespace bragglive {

// `elements` is a multiple of 8, `element_size` is 1, 2 or 4. Both buffers hold elements * element_size bytes
// and do not overlap.
void bit_unshuffle(const std::byte* planes, std::byte* elements_out, std::size_t elements,
                   std::size_t element_size);
void bit_shuffle(const std::byte* elements_in, std::byte* planes, std::size_t elements,
                 std::size_t element_size);

namespace detail {
// The portable versions of the same, which the tests hold against the dispatched ones.
void bit_unshuffle_scalar(const std::byte* planes, std::byte* out, std::size_t elements,
                          std::size_t element_size, std::size_t first_group = 0);
void bit_shuffle_scalar(const std::byte* in, std::byte* planes, std::size_t elements,
                        std::size_t element_size, std::size_t first_group = 0);
}  // namespace detail

}  // namespace bragglive
