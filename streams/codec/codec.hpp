// Frame compression: bare LZ4 blocks and bitshuffle + LZ4 ("bslz4") in the framing of DECTRIS streams and
// HDF5 filter 32008.
//
// bslz4 framing (dectris/compression, src/compression.c; big-endian): u64 decoded bytes, u32 block bytes (a
// multiple of 8 elements; 12 zero bytes mean "as expected, 8192"), then per block u32 length and one LZ4
// block of bit planes; the last < 8 elements are stored raw.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "core/frame/error.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

constexpr std::size_t k_bslz4_block_bytes = 8192;

// `element_size` 1, 2 or 4. `out` has the decoded size, which the input has to agree with. The input must be
// used up. On an error `out` holds no usable pixels.
Expected<void> decode_bslz4(std::span<const std::byte> in, std::size_t element_size,
                            std::span<std::byte> out);
// The framing of bslz4 without the bit transpose and without a raw tail; a block that would not shrink is
// stored as it is (HDF5 filter 32004, and "lz4" in DECTRIS stream v2).
Expected<void> decode_hdf5_lz4(std::span<const std::byte> in, std::span<std::byte> out);
Expected<void> decode_lz4(std::span<const std::byte> in, std::span<std::byte> out);

// Appends nothing on failure; `out` is replaced.
Expected<void> encode_bslz4(std::span<const std::byte> in, std::size_t element_size,
                            std::vector<std::byte>& out);
Expected<void> encode_hdf5_lz4(std::span<const std::byte> in, std::vector<std::byte>& out);
Expected<void> encode_lz4(std::span<const std::byte> in, std::vector<std::byte>& out);

// The counterpart of decode_payload(). Encoding::none copies.
Expected<void> encode_payload(Encoding encoding, FrameShape frame, PixelType pixel,
                              std::span<const std::byte> pixels, std::vector<std::byte>& out);

// No honest payload is longer than this: the bound that receivers hold messages against.
std::size_t max_payload_bytes(Encoding encoding, FrameShape frame, PixelType pixel);

std::string_view name_of(Encoding encoding);
std::optional<Encoding> encoding_from_name(std::string_view name);

}  // namespace bragglive
