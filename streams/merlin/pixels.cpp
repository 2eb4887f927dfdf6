#include "streams/merlin/pixels.hpp"

#include <cstring>

#include "streams/codec/byte_order.hpp"

namespace bragglive::merlin {
namespace {

template <class Word>
void turn_words(std::span<const std::byte> in, std::span<std::byte> out) {
  for (std::size_t i = 0; i + sizeof(Word) <= in.size(); i += sizeof(Word)) {
    const Word word = load_big<Word>(in.data() + i);
    std::memcpy(out.data() + i, &word, sizeof(Word));
  }
}

// Pixel `i` of one raw row.
std::uint8_t raw_1_bit(const std::byte* row, std::size_t i) {
  const auto byte = std::to_integer<unsigned>(row[i / 64 * 8 + 7 - i % 64 / 8]);
  return static_cast<std::uint8_t>((byte >> (i % 8)) & 1U);
}
std::uint8_t raw_6_bit(const std::byte* row, std::size_t i) {
  return std::to_integer<std::uint8_t>(row[i / 8 * 8 + 7 - i % 8]);
}
std::uint16_t raw_12_bit(const std::byte* row, std::size_t i) {
  return load_big<std::uint16_t>(row + 2 * (i / 4 * 4 + 3 - i % 4));
}

template <class Pixel, class Read>
void raw_rows(const FrameHeader& header, std::span<const std::byte> in, std::span<std::byte> out, Read read) {
  const FrameShape shape = header.frame_shape();
  const std::size_t chip_row =
      in.size() / (header.is_raw_quad() ? std::size_t{4} * header.height : header.height);
  const std::size_t half = shape.cols / 2;
  const auto put = [&](std::size_t row, std::size_t col, Pixel value) {
    std::memcpy(out.data() + (row * shape.cols + col) * sizeof(Pixel), &value, sizeof(Pixel));
  };
  for (std::size_t row = 0; row < header.height; ++row) {
    if (!header.is_raw_quad()) {
      for (std::size_t col = 0; col < shape.cols; ++col) put(row, col, read(in.data() + row * chip_row, col));
      continue;
    }
    const std::byte* const chip4 = in.data() + row * 4 * chip_row;
    const std::size_t lower = shape.rows - 1 - row;
    for (std::size_t col = 0; col < half; ++col) {
      put(row, col, read(chip4 + 3 * chip_row, col));
      put(row, half + col, read(chip4 + 2 * chip_row, col));
      put(lower, half - 1 - col, read(chip4 + chip_row, col));
      put(lower, shape.cols - 1 - col, read(chip4, col));
    }
  }
}

}  // namespace

void to_pixels(const FrameHeader& header, std::span<const std::byte> in, std::span<std::byte> out) {
  switch (header.format) {
    case Format::u8:
      std::memcpy(out.data(), in.data(), in.size());
      return;
    case Format::u16:
      return turn_words<std::uint16_t>(in, out);
    case Format::u32:
      return turn_words<std::uint32_t>(in, out);
    case Format::raw:
      break;
  }
  if (header.counter_depth == 1) return raw_rows<std::uint8_t>(header, in, out, raw_1_bit);
  if (header.counter_depth == 6) return raw_rows<std::uint8_t>(header, in, out, raw_6_bit);
  if (header.counter_depth == 12) return raw_rows<std::uint16_t>(header, in, out, raw_12_bit);
  const std::size_t half = in.size() / 2;
  const FrameShape shape = header.frame_shape();
  const std::size_t row_bytes = half / shape.rows;
  for (std::size_t row = 0; row < shape.rows; ++row)
    for (std::size_t col = 0; col < shape.cols; ++col) {
      const std::uint32_t high = raw_12_bit(in.data() + row * row_bytes, col),
                          low = raw_12_bit(in.data() + half + row * row_bytes, col);
      const std::uint32_t value = (high << 12) + low;
      std::memcpy(out.data() + (row * shape.cols + col) * 4, &value, 4);
    }
}

}  // namespace bragglive::merlin
