#include "streams/recordings/raw_cube.hpp"

#include <algorithm>
#include <array>

#include "streams/codec/byte_order.hpp"
#include "streams/codec/codec.hpp"
#include "streams/recordings/emd_layout.hpp"

namespace bragglive {
namespace {

constexpr H5Z_filter_t k_filter_bitshuffle = 32008, k_filter_lz4 = 32004;
constexpr std::size_t k_framing_bytes = 12;  // u64 decoded size, u32 block size, both big-endian

void set_filter(hid_t creation, Encoding encoding, PixelType pixel) {
  // What the writers of these filters store: version, element size, block (0 = default), LZ4.
  const auto element = static_cast<unsigned>(bytes_per_pixel(pixel));
  const std::array<unsigned, 5> bitshuffle = {0, 3, element, 0, 2};
  const unsigned block = 0;
  if (encoding == Encoding::bslz4)
    H5Pset_filter(creation, k_filter_bitshuffle, H5Z_FLAG_OPTIONAL, bitshuffle.size(), bitshuffle.data());
  if (encoding == Encoding::lz4 || encoding == Encoding::hdf5_lz4)
    H5Pset_filter(creation, k_filter_lz4, H5Z_FLAG_OPTIONAL, 1, &block);
}

}  // namespace

hdf5::Handle raw_cube_access() {
  hdf5::Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  return access;
}

RawCube::RawCube(hdf5::Handle dataset, const ScanStart& scan)
    : dataset_(std::move(dataset)),
      scan_(scan.scan),
      frame_(scan.frame),
      pixel_(scan.pixel),
      encoding_(scan.encoding) {}

Expected<RawCube> RawCube::create(hid_t file, const ScanStart& scan) {
  const hdf5::QuietErrors quiet;
  const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  const std::array<hsize_t, 4> chunk = {1, 1, scan.frame.rows, scan.frame.cols};
  H5Pset_chunk(creation.get(), 4, chunk.data());
  set_filter(creation.get(), scan.encoding, scan.pixel);
  hdf5::Handle dataset = hdf5::create_data_cube(file, scan.scan, scan.frame, scan.pixel, creation.get());
  if (!dataset) return fail(ErrorArea::file, "cannot make room for the frames: is the disk full?");
  return RawCube(std::move(dataset), scan);
}

Expected<std::span<const std::byte>> RawCube::as_chunk(std::span<const std::byte> payload) {
  const std::size_t frame_bytes = frame_.pixels() * bytes_per_pixel(pixel_);
  if (payload.empty() || payload.size() > max_payload_bytes(encoding_, frame_, pixel_) ||
      (encoding_ == Encoding::none && payload.size() != frame_bytes))
    return fail(ErrorArea::shape, "a frame of {} bytes cannot be recorded", payload.size());
  if (encoding_ == Encoding::none) return payload;
  if (encoding_ == Encoding::lz4) {  // a bare block gets the framing of one block
    scratch_.resize(k_framing_bytes + 4);
    store_big(scratch_.data() + k_framing_bytes, static_cast<std::uint32_t>(payload.size()));
    scratch_.insert(scratch_.end(), payload.begin(), payload.end());
    store_big(scratch_.data() + 8, static_cast<std::uint32_t>(frame_bytes));
  } else {
    if (payload.size() < k_framing_bytes)
      return fail(ErrorArea::shape, "a frame of {} bytes cannot be recorded", payload.size());
    const bool told = std::any_of(payload.begin(), payload.begin() + k_framing_bytes,
                                  [](std::byte byte) { return byte != std::byte{0}; });
    if (told) return payload;
    // Some simulators leave the framing empty, which HDF5's filters would not understand.
    scratch_.assign(payload.begin(), payload.end());
    store_big(scratch_.data() + 8, static_cast<std::uint32_t>(k_bslz4_block_bytes));
  }
  store_big(scratch_.data(), static_cast<std::uint64_t>(frame_bytes));
  return std::span<const std::byte>(scratch_);
}

Expected<void> RawCube::write(std::uint64_t index, std::span<const std::byte> payload) {
  const auto chunk = as_chunk(payload);
  if (!chunk) return tl::unexpected(chunk.error());
  const hdf5::QuietErrors quiet;
  const ScanPosition at = position_of(scan_, index);
  const std::array<hsize_t, 4> offset = {at.row, at.col, 0, 0};
  if (H5Dwrite_chunk(dataset_.get(), H5P_DEFAULT, 0, offset.data(), chunk->size(), chunk->data()) >= 0)
    return {};
  disk_failed_ = true;
  return fail(ErrorArea::file, "the disk does not take frame {}: it is full or was taken away", index);
}

}  // namespace bragglive
