#include "streams/dectris/image_data.hpp"

#include "streams/codec/byte_order.hpp"
#include "streams/codec/codec.hpp"

namespace bragglive::dectris {
namespace {

template <class Word>
void swap_all(std::span<std::byte> pixels) {
  for (std::size_t i = 0; i + sizeof(Word) <= pixels.size(); i += sizeof(Word))
    store_big(pixels.data() + i, load_little<Word>(pixels.data() + i));
}

}  // namespace

Expected<void> read_encoding(std::string_view text, ImageData& image) {
  const std::string_view whole = text;
  const auto unknown = [&] {
    return fail(ErrorArea::format, "unknown image encoding '{}'", whole.substr(0, 40));
  };
  if (text.empty() || (text.back() != '<' && text.back() != '>')) return unknown();
  image.big_endian = text.back() == '>';
  text.remove_suffix(1);
  image.shuffle_bytes = 0;
  for (std::size_t bytes : {1U, 2U, 4U}) {
    const std::string name = fmt::format("bs{}", 8 * bytes);
    if (!text.starts_with(name)) continue;
    image.shuffle_bytes = bytes;
    text.remove_prefix(name.size());
    break;
  }
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text == "lz4") {
    image.encoding = image.shuffle_bytes != 0 ? Encoding::bslz4 : Encoding::lz4;
  } else if (text.empty() && image.shuffle_bytes == 0) {
    image.encoding = Encoding::none;
  } else {
    return unknown();
  }
  return {};
}

Expected<void> decode(const ImageData& image, std::span<std::byte> out) {
  const auto decoded =
      image.encoding == Encoding::bslz4 && out.size() == image.shape.pixels() * bytes_per_pixel(image.pixel)
          ? decode_bslz4(image.bytes, image.shuffle_bytes, out)
          : decode_payload(image.encoding, image.shape, image.pixel, image.bytes, out);
  if (!decoded || !image.big_endian) return decoded;
  if (bytes_per_pixel(image.pixel) == 2) swap_all<std::uint16_t>(out);
  if (bytes_per_pixel(image.pixel) == 4) swap_all<std::uint32_t>(out);
  return {};
}

Expected<std::vector<std::byte>> recode(const ImageData& image, Encoding encoding) {
  std::vector<std::byte> pixels(image.shape.pixels() * bytes_per_pixel(image.pixel)), packed;
  if (auto decoded = decode(image, pixels); !decoded) return tl::unexpected(decoded.error());
  if (encoding == Encoding::none) return pixels;
  if (auto encoded = encode_payload(encoding, image.shape, image.pixel, pixels, packed); !encoded)
    return tl::unexpected(encoded.error());
  return packed;
}

}  // namespace bragglive::dectris
