#include "streams/codec/codec.hpp"

#include <lz4.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include "streams/codec/bitshuffle.hpp"
#include "streams/codec/byte_order.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_header_bytes = 12;
constexpr std::size_t k_stack_block = 32768;  // blocks up to here are decoded without an allocation

struct Layout {
  std::size_t block;     // bytes of a whole block
  std::size_t shuffled;  // bytes that are bit planes; the rest is stored raw
};

// How `total` bytes are cut into blocks; block must be a multiple of 8 elements.
Layout layout_of(std::size_t total, std::size_t block, std::size_t element_size) {
  const std::size_t tail = total % (8 * element_size);
  return {block, total - tail};
}

bool decode_block(std::span<const std::byte> in, std::size_t element_size, std::span<std::byte> out) {
  std::array<std::byte, k_stack_block> on_stack;
  std::unique_ptr<std::byte[]> on_heap;
  std::byte* planes = on_stack.data();
  if (out.size() > k_stack_block) {
    on_heap = std::make_unique_for_overwrite<std::byte[]>(out.size());
    planes = on_heap.get();
  }
  const int size =
      LZ4_decompress_safe(reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(planes),
                          static_cast<int>(in.size()), static_cast<int>(out.size()));
  if (size < 0 || static_cast<std::size_t>(size) != out.size()) return false;
  bit_unshuffle(planes, out.data(), out.size() / element_size, element_size);
  return true;
}

}  // namespace

Expected<void> decode_lz4(std::span<const std::byte> in, std::span<std::byte> out) {
  if (in.size() > LZ4_MAX_INPUT_SIZE || out.size() > LZ4_MAX_INPUT_SIZE)
    return fail(ErrorArea::format, "an LZ4 frame of {} bytes is larger than LZ4 allows",
                std::max(in.size(), out.size()));
  const int size =
      LZ4_decompress_safe(reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(out.data()),
                          static_cast<int>(in.size()), static_cast<int>(out.size()));
  if (size < 0) return fail(ErrorArea::format, "damaged LZ4 data ({} bytes)", in.size());
  if (static_cast<std::size_t>(size) != out.size())
    return fail(ErrorArea::format, "LZ4 data decodes to {} bytes instead of {}", size, out.size());
  return {};
}

Expected<void> decode_bslz4(std::span<const std::byte> in, std::size_t element_size,
                            std::span<std::byte> out) {
  if (in.size() < k_header_bytes)
    return fail(ErrorArea::format, "bslz4 data of {} bytes has no header", in.size());
  if (out.size() > LZ4_MAX_INPUT_SIZE)
    return fail(ErrorArea::format, "a bslz4 frame of {} bytes is too large", out.size());
  const std::uint64_t total = load_big<std::uint64_t>(in.data());
  const std::uint32_t stated_block = load_big<std::uint32_t>(in.data() + 8);
  // Simulators send 12 zero bytes and mean the default.
  if (total != out.size() && !(total == 0 && stated_block == 0))
    return fail(ErrorArea::format, "bslz4 data says {} decoded bytes, the frame has {}", total, out.size());
  const std::size_t block = stated_block == 0 ? k_bslz4_block_bytes : stated_block;
  if (block % (8 * element_size) != 0)
    return fail(ErrorArea::format, "bslz4 block size {} is not a multiple of {} bytes", block,
                8 * element_size);

  const Layout layout = layout_of(out.size(), block, element_size);
  std::size_t at = k_header_bytes;
  for (std::size_t done = 0; done < layout.shuffled;) {
    const std::size_t size = std::min(layout.block, layout.shuffled - done);
    if (in.size() - at < 4)
      return fail(ErrorArea::format, "bslz4 data ends after {} of {} bytes", done, out.size());
    const std::size_t packed = load_big<std::uint32_t>(in.data() + at);
    at += 4;
    if (packed > in.size() - at)
      return fail(ErrorArea::format, "a bslz4 block of {} bytes reaches beyond the data ({} left)", packed,
                  in.size() - at);
    if (!decode_block(in.subspan(at, packed), element_size, out.subspan(done, size)))
      return fail(ErrorArea::format, "damaged bslz4 block at decoded byte {}", done);
    at += packed;
    done += size;
  }
  const std::size_t tail = out.size() - layout.shuffled;
  if (in.size() - at != tail)
    return fail(ErrorArea::format, "bslz4 data has {} bytes after its blocks instead of {}", in.size() - at,
                tail);
  if (tail != 0) std::memcpy(out.data() + layout.shuffled, in.data() + at, tail);
  return {};
}

Expected<void> decode_hdf5_lz4(std::span<const std::byte> in, std::span<std::byte> out) {
  if (in.size() < k_header_bytes)
    return fail(ErrorArea::format, "HDF5-LZ4 data of {} bytes has no header", in.size());
  const std::uint64_t total = load_big<std::uint64_t>(in.data());
  const std::size_t block = load_big<std::uint32_t>(in.data() + 8);
  if (total != out.size() || block == 0)
    return fail(ErrorArea::format, "HDF5-LZ4 data says {} decoded bytes in blocks of {}, the frame has {}",
                total, block, out.size());
  std::size_t at = k_header_bytes;
  for (std::size_t done = 0; done < out.size();) {
    const std::size_t size = std::min(block, out.size() - done);
    if (in.size() - at < 4)
      return fail(ErrorArea::format, "HDF5-LZ4 data ends after {} of {} bytes", done, out.size());
    const std::size_t packed = load_big<std::uint32_t>(in.data() + at);
    at += 4;
    if (packed > in.size() - at)
      return fail(ErrorArea::format, "an HDF5-LZ4 block of {} bytes reaches beyond the data ({} left)",
                  packed, in.size() - at);
    // A block that LZ4 could not make smaller is stored as it is.
    if (packed == size) {
      std::memcpy(out.data() + done, in.data() + at, size);
    } else if (auto decoded = decode_lz4(in.subspan(at, packed), out.subspan(done, size)); !decoded) {
      return decoded;
    }
    at += packed;
    done += size;
  }
  if (at != in.size()) return fail(ErrorArea::format, "HDF5-LZ4 data has {} bytes too many", in.size() - at);
  return {};
}

Expected<void> decode_payload(Encoding encoding, FrameShape frame, PixelType pixel,
                              std::span<const std::byte> payload, std::span<std::byte> out) {
  const std::size_t bytes = frame.pixels() * bytes_per_pixel(pixel);
  if (bytes == 0 || out.size() != bytes)
    return fail(ErrorArea::shape, "a {}x{} {} frame has {} bytes, the buffer {}", frame.rows, frame.cols,
                name_of(pixel), bytes, out.size());
  switch (encoding) {
    case Encoding::none:
      if (payload.size() != bytes)
        return fail(ErrorArea::shape, "the frame has {} bytes instead of {} ({}x{} {})", payload.size(),
                    bytes, frame.rows, frame.cols, name_of(pixel));
      std::memcpy(out.data(), payload.data(), bytes);
      return {};
    case Encoding::lz4:
      return decode_lz4(payload, out);
    case Encoding::bslz4:
      return decode_bslz4(payload, bytes_per_pixel(pixel), out);
    case Encoding::hdf5_lz4:
      return decode_hdf5_lz4(payload, out);
  }
  return fail(ErrorArea::format, "unknown encoding {}", static_cast<int>(encoding));
}

Expected<void> encode_lz4(std::span<const std::byte> in, std::vector<std::byte>& out) {
  if (in.size() > LZ4_MAX_INPUT_SIZE)
    return fail(ErrorArea::shape, "{} bytes are too many for one LZ4 block", in.size());
  out.resize(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(in.size()))));
  const int size =
      LZ4_compress_default(reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(out.data()),
                           static_cast<int>(in.size()), static_cast<int>(out.size()));
  out.resize(static_cast<std::size_t>(std::max(size, 0)));
  return {};
}

Expected<void> encode_bslz4(std::span<const std::byte> in, std::size_t element_size,
                            std::vector<std::byte>& out) {
  if (in.size() > LZ4_MAX_INPUT_SIZE)
    return fail(ErrorArea::shape, "{} bytes are too many for one frame", in.size());
  const Layout layout = layout_of(in.size(), k_bslz4_block_bytes, element_size);
  const std::size_t blocks = in.size() / k_bslz4_block_bytes + 1;
  const auto bound = static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(k_bslz4_block_bytes)));
  out.resize(k_header_bytes + blocks * (4 + bound) + 8 * element_size);
  store_big(out.data(), static_cast<std::uint64_t>(in.size()));
  store_big(out.data() + 8, static_cast<std::uint32_t>(k_bslz4_block_bytes));

  std::array<std::byte, k_bslz4_block_bytes> planes;
  std::size_t at = k_header_bytes;
  for (std::size_t done = 0; done < layout.shuffled; done += k_bslz4_block_bytes) {
    const std::size_t size = std::min(layout.block, layout.shuffled - done);
    bit_shuffle(in.data() + done, planes.data(), size / element_size, element_size);
    const int packed = LZ4_compress_default(reinterpret_cast<const char*>(planes.data()),
                                            reinterpret_cast<char*>(out.data() + at + 4),
                                            static_cast<int>(size), static_cast<int>(bound));
    store_big(out.data() + at, static_cast<std::uint32_t>(packed));
    at += 4 + static_cast<std::size_t>(packed);
  }
  const std::size_t tail = in.size() - layout.shuffled;
  if (tail != 0) std::memcpy(out.data() + at, in.data() + layout.shuffled, tail);
  out.resize(at + tail);
  return {};
}

Expected<void> encode_hdf5_lz4(std::span<const std::byte> in, std::vector<std::byte>& out) {
  if (in.size() > LZ4_MAX_INPUT_SIZE)
    return fail(ErrorArea::shape, "{} bytes are too many for one frame", in.size());
  const auto bound = static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(k_bslz4_block_bytes)));
  out.resize(k_header_bytes + (in.size() / k_bslz4_block_bytes + 1) * (4 + bound));
  store_big(out.data(), static_cast<std::uint64_t>(in.size()));
  store_big(out.data() + 8, static_cast<std::uint32_t>(k_bslz4_block_bytes));
  std::size_t at = k_header_bytes;
  for (std::size_t done = 0; done < in.size(); done += k_bslz4_block_bytes) {
    const std::size_t size = std::min(k_bslz4_block_bytes, in.size() - done);
    auto packed = static_cast<std::size_t>(LZ4_compress_default(
        reinterpret_cast<const char*>(in.data() + done), reinterpret_cast<char*>(out.data() + at + 4),
        static_cast<int>(size), static_cast<int>(bound)));
    if (packed >= size) {
      packed = size;
      std::memcpy(out.data() + at + 4, in.data() + done, size);
    }
    store_big(out.data() + at, static_cast<std::uint32_t>(packed));
    at += 4 + packed;
  }
  out.resize(at);
  return {};
}

Expected<void> encode_payload(Encoding encoding, FrameShape frame, PixelType pixel,
                              std::span<const std::byte> pixels, std::vector<std::byte>& out) {
  if (pixels.size() != frame.pixels() * bytes_per_pixel(pixel))
    return fail(ErrorArea::shape, "the frame has {} bytes instead of {}", pixels.size(),
                frame.pixels() * bytes_per_pixel(pixel));
  switch (encoding) {
    case Encoding::none:
      out.assign(pixels.begin(), pixels.end());
      return {};
    case Encoding::lz4:
      return encode_lz4(pixels, out);
    case Encoding::bslz4:
      return encode_bslz4(pixels, bytes_per_pixel(pixel), out);
    case Encoding::hdf5_lz4:
      return encode_hdf5_lz4(pixels, out);
  }
  return fail(ErrorArea::usage, "unknown encoding {}", static_cast<int>(encoding));
}

std::size_t max_payload_bytes(Encoding encoding, FrameShape frame, PixelType pixel) {
  const std::size_t bytes = frame.pixels() * bytes_per_pixel(pixel);
  if (encoding == Encoding::none) return bytes;
  // LZ4 expands by at most 1/255 + 16 bytes a block; the smallest sensible bslz4 block (64 bytes) adds 20
  // bytes each.
  return encoding == Encoding::lz4 ? bytes + bytes / 255 + 16 : k_header_bytes + bytes + bytes / 2 + 1024;
}

std::string_view name_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::none:
      return "none";
    case Encoding::lz4:
      return "lz4";
    case Encoding::bslz4:
      return "bslz4";
    case Encoding::hdf5_lz4:
      return "hdf5-lz4";
  }
  return "unknown";
}

std::optional<Encoding> encoding_from_name(std::string_view name) {
  for (Encoding encoding : {Encoding::none, Encoding::lz4, Encoding::bslz4, Encoding::hdf5_lz4})
    if (name == name_of(encoding)) return encoding;
  return std::nullopt;
}

}  // namespace bragglive
