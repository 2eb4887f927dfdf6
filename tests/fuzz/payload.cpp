// Frame payloads: the first three bytes choose encoding, pixel type and shape.
#include "streams/codec/codec.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;

namespace {
constexpr FrameShape k_shapes[] = {{1, 1}, {3, 5}, {16, 16}, {64, 64}, {37, 103}};
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const auto encoding = static_cast<Encoding>(data[0] % 6);
  const auto pixel = static_cast<PixelType>(1 + data[1] % 4);
  const FrameShape shape = k_shapes[data[2] % std::size(k_shapes)];
  Bytes out(shape.pixels() * bytes_per_pixel(pixel));
  static_cast<void>(decode_payload(encoding, shape, pixel, bytes_of(data + 3, size - 3), out));
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  std::vector<Bytes> seeds;
  for (int encoding = 1; encoding <= 4; ++encoding)
    for (int pixel = 0; pixel < 4; ++pixel)
      for (std::size_t shape = 0; shape < std::size(k_shapes); ++shape) {
        const auto type = static_cast<PixelType>(1 + pixel);
        Bytes pixels(k_shapes[shape].pixels() * bytes_per_pixel(type)), packed;
        for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::byte>(i * i % 7);
        static_cast<void>(
            encode_payload(static_cast<Encoding>(encoding), k_shapes[shape], type, pixels, packed));
        Bytes seed = {static_cast<std::byte>(encoding), static_cast<std::byte>(pixel),
                      static_cast<std::byte>(shape)};
        seed.insert(seed.end(), packed.begin(), packed.end());
        seeds.push_back(std::move(seed));
      }
  return seeds;
}
