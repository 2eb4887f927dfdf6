#include "streams/codec/codec.hpp"

#include <lz4.h>

#include <random>

#include "streams/codec/bitshuffle.hpp"
#include "streams/codec/byte_order.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

namespace {

std::vector<std::byte> sparse_counts(std::size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> data(bytes);
  for (auto& byte : data) byte = random() % 5 == 0 ? static_cast<std::byte>(random() % 7) : std::byte{0};
  return data;
}

// The transpose written down as its definition says, bit by bit.
std::vector<std::byte> shuffled_by_definition(const std::vector<std::byte>& in, std::size_t element_size) {
  const std::size_t elements = in.size() / element_size;
  std::vector<std::byte> planes(in.size());
  for (std::size_t e = 0; e < elements; ++e)
    for (std::size_t bit = 0; bit < 8 * element_size; ++bit)
      if (((std::to_integer<unsigned>(in[e * element_size + bit / 8]) >> (bit % 8)) & 1U) != 0)
        planes[bit * (elements / 8) + e / 8] |= static_cast<std::byte>(1U << (e % 8));
  return planes;
}

}  // namespace

TEST_CASE("bit shuffle follows its definition in both versions and undoes itself") {
  for (std::size_t element_size : {1U, 2U, 4U})
    for (std::size_t elements : {8U, 16U, 24U, 248U, 256U, 264U, 2048U, 4096U + 8U}) {
      CAPTURE(element_size, elements);
      std::mt19937 random(7);
      std::vector<std::byte> in(elements * element_size), planes(in.size()), scalar(in.size()),
          back(in.size());
      for (auto& byte : in) byte = static_cast<std::byte>(random());
      bit_shuffle(in.data(), planes.data(), elements, element_size);
      detail::bit_shuffle_scalar(in.data(), scalar.data(), elements, element_size);
      const auto expected = shuffled_by_definition(in, element_size);
      REQUIRE(planes == expected);
      REQUIRE(scalar == expected);
      bit_unshuffle(planes.data(), back.data(), elements, element_size);
      REQUIRE(back == in);
      std::fill(back.begin(), back.end(), std::byte{0});
      detail::bit_unshuffle_scalar(planes.data(), back.data(), elements, element_size);
      REQUIRE(back == in);
    }
}

TEST_CASE("every encoding gives back the pixels, whatever the size") {
  for (Encoding encoding : {Encoding::none, Encoding::lz4, Encoding::bslz4})
    for (PixelType pixel : {PixelType::u8, PixelType::u16, PixelType::u32, PixelType::f32})
      for (FrameShape shape : {FrameShape{1, 1}, FrameShape{1, 7}, FrameShape{3, 5}, FrameShape{64, 64},
                               FrameShape{192, 192}, FrameShape{514, 103}}) {
        CAPTURE(static_cast<int>(encoding), static_cast<int>(pixel), shape.rows, shape.cols);
        const auto pixels = sparse_counts(shape.pixels() * bytes_per_pixel(pixel), shape.cols);
        std::vector<std::byte> packed, out(pixels.size());
        REQUIRE(encode_payload(encoding, shape, pixel, pixels, packed));
        REQUIRE(packed.size() <= max_payload_bytes(encoding, shape, pixel));
        REQUIRE(decode_payload(encoding, shape, pixel, packed, out));
        REQUIRE(out == pixels);
      }
}

TEST_CASE("incompressible pixels stay inside the bound that receivers use") {
  const FrameShape shape{96, 96};
  std::mt19937 random(3);
  std::vector<std::byte> pixels(shape.pixels() * 2), packed, out(pixels.size());
  for (auto& byte : pixels) byte = static_cast<std::byte>(random());
  for (Encoding encoding : {Encoding::lz4, Encoding::bslz4}) {
    REQUIRE(encode_payload(encoding, shape, PixelType::u16, pixels, packed));
    REQUIRE(packed.size() <= max_payload_bytes(encoding, shape, PixelType::u16));
    REQUIRE(decode_payload(encoding, shape, PixelType::u16, packed, out));
    REQUIRE(out == pixels);
  }
}

TEST_CASE("bslz4: a header of zeros means the default block size") {
  const FrameShape shape{192, 192};
  const auto pixels = sparse_counts(shape.pixels() * 2, 1);
  std::vector<std::byte> packed, out(pixels.size());
  REQUIRE(encode_payload(Encoding::bslz4, shape, PixelType::u16, pixels, packed));
  std::fill_n(packed.begin(), 12, std::byte{0});
  REQUIRE(decode_payload(Encoding::bslz4, shape, PixelType::u16, packed, out));
  CHECK(out == pixels);
}

TEST_CASE("bslz4: other block sizes decode, senseless ones are refused") {
  const auto pixels = sparse_counts(100'000, 2);
  for (std::size_t block : {64U, 1024U, 65536U, 1U << 20}) {
    CAPTURE(block);
    std::vector<std::byte> packed(12), out(pixels.size());
    store_big(packed.data(), static_cast<std::uint64_t>(pixels.size()));
    store_big(packed.data() + 8, static_cast<std::uint32_t>(block));
    const std::size_t shuffled = pixels.size() / 16 * 16;
    for (std::size_t at = 0; at < shuffled; at += block) {
      const std::size_t size = std::min(block, shuffled - at);
      std::vector<std::byte> planes(size),
          lz(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(size))));
      bit_shuffle(pixels.data() + at, planes.data(), size / 2, 2);
      const int length = LZ4_compress_default(reinterpret_cast<const char*>(planes.data()),
                                              reinterpret_cast<char*>(lz.data()), static_cast<int>(size),
                                              static_cast<int>(lz.size()));
      std::byte word[4];
      store_big(word, static_cast<std::uint32_t>(length));
      packed.insert(packed.end(), word, word + 4);
      packed.insert(packed.end(), lz.begin(), lz.begin() + length);
    }
    packed.insert(packed.end(), pixels.begin() + static_cast<std::ptrdiff_t>(shuffled), pixels.end());
    REQUIRE(decode_bslz4(packed, 2, out));
    CHECK(out == pixels);
    store_big(packed.data() + 8, static_cast<std::uint32_t>(block + 1));
    CHECK_FALSE(decode_bslz4(packed, 2, out));
  }
}

TEST_CASE("payloads of the wrong size are refused in words") {
  const FrameShape shape{8, 8};
  std::vector<std::byte> out(128), payload(127);
  auto result = decode_payload(Encoding::none, shape, PixelType::u16, payload, out);
  REQUIRE_FALSE(result);
  CHECK(result.error().message.find("127 bytes instead of 128") != std::string::npos);
  CHECK_FALSE(decode_payload(Encoding::none, shape, PixelType::u16, payload, std::span(out).first(127)));
  CHECK_FALSE(decode_payload(static_cast<Encoding>(9), shape, PixelType::u16, payload, out));
}

TEST_CASE("damaged payloads never decode into something else than 'damaged' or the frame's size") {
  const FrameShape shape{64, 64};
  const auto pixels = sparse_counts(shape.pixels() * 2, 5);
  std::mt19937 random(11);
  for (Encoding encoding : {Encoding::lz4, Encoding::bslz4}) {
    std::vector<std::byte> packed, out(pixels.size());
    REQUIRE(encode_payload(encoding, shape, PixelType::u16, pixels, packed));
    for (std::size_t cut = 0; cut < packed.size(); cut += 1 + packed.size() / 97)
      CHECK_FALSE(decode_payload(encoding, shape, PixelType::u16, std::span(packed).first(cut), out));
    auto longer = packed;
    longer.push_back(std::byte{0});
    CHECK_FALSE(decode_payload(encoding, shape, PixelType::u16, longer, out));
    std::size_t refused = 0;
    for (int i = 0; i < 2000; ++i) {
      auto broken = packed;
      for (int k = 0; k < 3; ++k) broken[random() % broken.size()] = static_cast<std::byte>(random());
      if (!decode_payload(encoding, shape, PixelType::u16, broken, out)) ++refused;
    }
    CHECK(refused > 0);  // the sanitizers judge the rest
  }
}

TEST_CASE("names of encodings") {
  CHECK(encoding_from_name("bslz4") == Encoding::bslz4);
  CHECK(encoding_from_name("zip") == std::nullopt);
}
