#include "streams/recordings/pixel_format.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "streams/codec/byte_order.hpp"

namespace bragglive {
namespace {

float half_to_float(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const float mantissa = static_cast<float>(half & 0x3ff);
  float value;
  if (exponent == 31) {
    value = mantissa == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  } else {
    value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024.0F, exponent - 25);
  }
  return (half & 0x8000) != 0 ? -value : value;
}

template <class Word, class Out, class Convert>
void convert_all(bool swap, std::span<const std::byte> in, std::span<std::byte> out, Convert convert) {
  const std::size_t pixels = in.size() / sizeof(Word);
  for (std::size_t i = 0; i < pixels; ++i) {
    Word word = load_little<Word>(in.data() + i * sizeof(Word));
    if constexpr (sizeof(Word) > 1)
      if (swap) word = swap_bytes(word);
    const Out value = convert(word);
    std::memcpy(out.data() + i * sizeof(Out), &value, sizeof(Out));
  }
}

template <class Word, class Signed, class Floating>
void convert_words(const PixelFormat& format, std::span<const std::byte> in, std::span<std::byte> out) {
  using Kind = PixelFormat::Kind;
  switch (format.kind) {
    case Kind::unsigned_integer:
      if constexpr (sizeof(Word) == 8)
        convert_all<Word, std::uint32_t>(format.big_endian, in, out, [](Word w) {
          return static_cast<std::uint32_t>(std::min<Word>(w, std::numeric_limits<std::uint32_t>::max()));
        });
      else
        convert_all<Word, Word>(format.big_endian, in, out, [](Word w) { return w; });
      return;
    case Kind::signed_integer:
      convert_all<Word, float>(format.big_endian, in, out,
                               [](Word w) { return static_cast<float>(static_cast<Signed>(w)); });
      return;
    case Kind::floating:
      convert_all<Word, float>(format.big_endian, in, out, [](Word w) {
        if constexpr (std::is_same_v<Floating, void>)
          return half_to_float(static_cast<std::uint16_t>(w));
        else
          return static_cast<float>(std::bit_cast<Floating>(w));
      });
  }
}

}  // namespace

std::optional<PixelType> PixelFormat::pixel_type() const {
  const bool integer_size = bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
  switch (kind) {
    case Kind::unsigned_integer:
      if (!integer_size) return std::nullopt;
      return bytes == 1 ? PixelType::u8 : bytes == 2 ? PixelType::u16 : PixelType::u32;
    case Kind::signed_integer:
      if (!integer_size) return std::nullopt;
      return PixelType::f32;
    case Kind::floating:
      if (!integer_size || bytes == 1) return std::nullopt;
      return PixelType::f32;
  }
  return std::nullopt;
}

bool PixelFormat::native() const {
  if (big_endian && bytes > 1) return false;
  return (kind == Kind::unsigned_integer && bytes <= 4) || (kind == Kind::floating && bytes == 4);
}

std::optional<PixelFormat> pixel_format_from_numpy(std::string_view descr) {
  if (descr.size() != 3) return std::nullopt;
  if (descr[0] != '<' && descr[0] != '>' && descr[0] != '|') return std::nullopt;
  PixelFormat format;
  format.big_endian = descr[0] == '>';
  switch (descr[1]) {
    case 'u':
      format.kind = PixelFormat::Kind::unsigned_integer;
      break;
    case 'i':
      format.kind = PixelFormat::Kind::signed_integer;
      break;
    case 'f':
      format.kind = PixelFormat::Kind::floating;
      break;
    case 'b':
      format.kind = PixelFormat::Kind::unsigned_integer;
      break;  // numpy's bool
    default:
      return std::nullopt;
  }
  format.bytes = static_cast<std::size_t>(descr[2] - '0');
  if (!format.pixel_type()) return std::nullopt;
  return format;
}

void convert_pixels(const PixelFormat& format, std::span<const std::byte> in, std::span<std::byte> out) {
  switch (format.bytes) {
    case 1:
      return convert_words<std::uint8_t, std::int8_t, void>(format, in, out);
    case 2:
      return convert_words<std::uint16_t, std::int16_t, void>(format, in, out);
    case 4:
      return convert_words<std::uint32_t, std::int32_t, float>(format, in, out);
    case 8:
      return convert_words<std::uint64_t, std::int64_t, double>(format, in, out);
    default:
      return;
  }
}

}  // namespace bragglive
