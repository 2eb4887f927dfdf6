// Decoding speed of frame payloads on one core, beside memcpy of the same pixels and beside LZ4 alone.
#include <lz4.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>

#include "streams/codec/bitshuffle.hpp"
#include "streams/codec/codec.hpp"

using namespace bragglive;

namespace {

// Decoded bytes per second.
template <class Run>
double rate(std::size_t bytes, Run run) {
  using Clock = std::chrono::steady_clock;
  std::size_t rounds = 0;
  const auto begin = Clock::now();
  do {
    run();
    ++rounds;
  } while (Clock::now() - begin < std::chrono::milliseconds(400));
  return static_cast<double>(rounds * bytes) / std::chrono::duration<double>(Clock::now() - begin).count();
}

// Counts of a 4D-STEM frame: a few electrons a pixel, disks with hundreds.
std::vector<std::byte> counts(FrameShape shape, std::size_t pixel_bytes, double background) {
  std::mt19937 random(1);
  std::poisson_distribution<unsigned> few(background), many(200);
  std::vector<std::byte> bytes(shape.pixels() * pixel_bytes);
  for (std::size_t i = 0; i < shape.pixels(); ++i) {
    const std::size_t row = i / shape.cols % 24, col = i % shape.cols % 24;
    const bool disk = (row - 12) * (row - 12) + (col - 12) * (col - 12) < 9;
    const unsigned value = disk ? std::min(many(random), 255U) : few(random);
    bytes[i * pixel_bytes] = static_cast<std::byte>(value);
  }
  return bytes;
}

void compare(const char* name, FrameShape shape, PixelType pixel, double background) {
  const std::size_t size = bytes_per_pixel(pixel);
  const auto pixels = counts(shape, size, background);
  std::vector<std::byte> packed, out(pixels.size()), planes(pixels.size());
  if (!encode_payload(Encoding::bslz4, shape, pixel, pixels, packed)) return;
  const double copy = rate(pixels.size(), [&] { std::memcpy(out.data(), pixels.data(), pixels.size()); });
  const double decode = rate(
      pixels.size(), [&] { static_cast<void>(decode_payload(Encoding::bslz4, shape, pixel, packed, out)); });
  const double turn =
      rate(pixels.size(), [&] { bit_unshuffle(pixels.data(), out.data(), shape.pixels(), size); });
  const double scalar = rate(
      pixels.size(), [&] { detail::bit_unshuffle_scalar(pixels.data(), out.data(), shape.pixels(), size); });
  const double encode = rate(pixels.size(), [&] {
    static_cast<void>(encode_payload(Encoding::bslz4, shape, pixel, pixels, packed));
  });
  std::vector<char> lz(static_cast<std::size_t>(LZ4_compressBound(8192)));
  bit_shuffle(pixels.data(), planes.data(), 8192 / size, size);
  const int lz_size = LZ4_compress_default(reinterpret_cast<const char*>(planes.data()), lz.data(), 8192,
                                           static_cast<int>(lz.size()));
  const double lz4 =
      rate(8192, [&] { LZ4_decompress_safe(lz.data(), reinterpret_cast<char*>(out.data()), lz_size, 8192); });
  std::printf(
      "%-26s %5.1fx smaller | bslz4 decode %5.2f GB/s = %4.2f of memcpy (%.1f) | LZ4 alone %5.2f | bit "
      "transpose %5.2f "
      "(scalar %4.2f) | encode %4.2f\n",
      name, static_cast<double>(pixels.size()) / static_cast<double>(packed.size()), decode / 1e9,
      decode / copy, copy / 1e9, lz4 / 1e9, turn / 1e9, scalar / 1e9, encode / 1e9);
}

}  // namespace

int main() {
  compare("192x192 uint16, sparse", {192, 192}, PixelType::u16, 0.05);
  compare("192x192 uint16, 2 e/px", {192, 192}, PixelType::u16, 2);
  compare("192x192 uint16, 50 e/px", {192, 192}, PixelType::u16, 50);
  compare("96x96 uint16, 2 e/px", {96, 96}, PixelType::u16, 2);
  compare("192x192 uint8, 2 e/px", {192, 192}, PixelType::u8, 2);
  compare("512x512 uint32, 2 e/px", {512, 512}, PixelType::u32, 2);
}
