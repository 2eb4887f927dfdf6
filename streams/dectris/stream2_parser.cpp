// DECTRIS stream v2: dectris/documentation stream_v2/README.md; arrays by RFC 8746; compression tag
// cbor/dectris-compression-tag.md.
#include <algorithm>
#include <cmath>

#include "streams/codec/codec.hpp"
#include "streams/dectris/cbor_reader.hpp"
#include "streams/dectris/messages.hpp"

namespace bragglive::dectris {
namespace {

constexpr std::uint64_t k_tag_multi_dim_array = 40, k_tag_compressed = 56500, k_tag_self_described = 55799;
constexpr std::size_t k_max_channels = 16;
constexpr std::size_t k_max_text = 4096;
constexpr std::size_t k_max_masked = 200'000;

tl::unexpected<ParseError> broken(std::string text, std::optional<std::uint64_t> number = std::nullopt) {
  return tl::unexpected<ParseError>(
      ParseError{Error{ErrorArea::format, "DECTRIS stream v2: " + std::move(text)}, number});
}

bool set_type(std::uint64_t tag, ImageData& data) {
  switch (tag) {
    case 64:
      data.pixel = PixelType::u8;
      return true;
    case 65:
      data.big_endian = true;
      [[fallthrough]];
    case 69:
      data.pixel = PixelType::u16;
      return true;
    case 66:
      data.big_endian = true;
      [[fallthrough]];
    case 70:
      data.pixel = PixelType::u32;
      return true;
    case 81:
      data.big_endian = true;
      [[fallthrough]];
    case 85:
      data.pixel = PixelType::f32;
      return true;
    default:
      return false;
  }
}

// [algorithm, element size, bytes]; fills encoding and bytes.
bool read_compressed(CborReader& reader, ImageData& data) {
  auto items = reader.enter_array();
  if (!reader.more(items)) return false;
  const std::string_view algorithm = reader.read_text();
  if (!reader.more(items)) return false;
  const std::uint64_t element = reader.read_unsigned();
  if (!reader.more(items)) return false;
  data.bytes = reader.read_bytes();
  if (reader.more(items)) return false;
  if (algorithm == "lz4") {
    data.encoding = Encoding::hdf5_lz4;
    return reader.ok();
  }
  data.encoding = Encoding::bslz4;
  data.shuffle_bytes = element;
  return reader.ok() && algorithm == "bslz4" && (element == 1 || element == 2 || element == 4);
}

// A multi-dimensional array of two axes, or a bare typed array (then shape stays 0x0). false: something else;
// it has been skipped unless the message is broken.
bool read_array(CborReader& reader, ImageData& data) {
  auto tag = reader.take_tag();
  bool usable = true;
  const bool with_shape = tag == k_tag_multi_dim_array;
  CborReader::Items outer;
  if (with_shape) {
    outer = reader.enter_array();
    if (!reader.more(outer)) return false;
    std::uint64_t sides[2] = {0, 0};
    std::size_t count = 0;
    for (auto items = reader.enter_array(); reader.more(items); ++count) {
      const std::uint64_t side = reader.read_unsigned();
      if (count < 2) sides[count] = side;
    }
    usable = count == 2 && sides[0] >= 1 && sides[1] >= 1 && sides[0] <= k_max_detector_side &&
             sides[1] <= k_max_detector_side;
    if (usable) data.shape = {static_cast<std::uint32_t>(sides[0]), static_cast<std::uint32_t>(sides[1])};
    if (!reader.more(outer)) return false;
    tag = reader.take_tag();
  }
  usable = usable && tag && set_type(*tag, data);
  if (usable && reader.peek() == CborReader::Kind::tag) {
    usable = reader.take_tag() == k_tag_compressed && read_compressed(reader, data);
  } else if (usable && reader.peek() == CborReader::Kind::bytes) {
    data.encoding = Encoding::none;
    data.bytes = reader.read_bytes();
  } else {
    usable = false;
    reader.skip();
  }
  if (with_shape && reader.more(outer)) reader.fail();
  return usable && reader.ok();
}

// Numbers, texts and truth values become metadata; everything else is skipped.
void read_metadata(CborReader& reader, std::string_view key, std::map<std::string, std::string>& metadata) {
  const std::string name(key.substr(0, k_max_text));
  while (reader.peek() == CborReader::Kind::tag) reader.take_tag();  // a date is a tagged text
  switch (reader.peek()) {
    case CborReader::Kind::text:
      metadata[name] = reader.read_text().substr(0, k_max_text);
      return;
    case CborReader::Kind::unsigned_integer:
      metadata[name] = std::to_string(reader.read_unsigned());
      return;
    case CborReader::Kind::negative_integer:
      metadata[name] = fmt::format("{}", reader.read_number());
      return;
    case CborReader::Kind::simple: {
      CborReader probe = reader;
      if (const double number = probe.read_number(); probe.ok()) {
        metadata[name] = fmt::format("{}", number);
      } else {
        probe = reader;
        if (const bool truth = probe.read_bool(); probe.ok()) metadata[name] = truth ? "true" : "false";
      }
      reader.skip();
      return;
    }
    default:
      reader.skip();
  }
}

// Any value; of a map its numbers and texts, and lists of two numbers as "[a,b]".
void read_user_data(CborReader& reader, std::map<std::string, std::string>& metadata) {
  constexpr std::size_t k_max_keys = 256;
  if (reader.peek() != CborReader::Kind::map) return read_metadata(reader, "user_data", metadata);
  std::size_t keys = 0;
  for (auto items = reader.enter_map(); reader.more(items);) {
    if (reader.peek() != CborReader::Kind::text || ++keys > k_max_keys) {
      reader.skip();
      if (reader.more(items)) reader.skip();
      continue;
    }
    const std::string name = fmt::format("user_data.{}", reader.read_text().substr(0, k_max_text));
    if (reader.peek() != CborReader::Kind::array) {
      read_metadata(reader, name, metadata);
      continue;
    }
    std::string text;
    for (auto list = reader.enter_array(); reader.more(list);) {
      const bool number = reader.peek() == CborReader::Kind::unsigned_integer && text.size() < k_max_text;
      if (number)
        text += fmt::format("{}{}", text.empty() ? "[" : ",", reader.read_unsigned());
      else
        reader.skip();
    }
    if (!text.empty()) metadata[name] = text + "]";
  }
}

void read_mask(CborReader& reader, SeriesStart& start) {
  std::string text;
  bool first = true;
  for (auto channels = reader.enter_map(); reader.more(channels);) {
    reader.read_text();
    ImageData mask;
    if (!read_array(reader, mask) || !std::exchange(first, false) || mask.pixel != PixelType::u32 ||
        mask.shape.pixels() == 0)
      continue;
    std::vector<std::byte> pixels(mask.shape.pixels() * 4);
    // A bound first: a header may claim any shape.
    if (mask.bytes.size() < pixels.size() / 300 || !decode(mask, pixels)) continue;
    std::size_t count = 0;
    for (std::size_t i = 0; i < mask.shape.pixels() && count <= k_max_masked; ++i) {
      std::uint32_t value = 0;
      std::memcpy(&value, pixels.data() + 4 * i, 4);
      if (value == 0) continue;
      ++count;
      text += fmt::format("{}{}", text.empty() ? "" : ",", i);
    }
    if (count <= k_max_masked) start.metadata["masked_pixels"] = text;
  }
}

tl::expected<Message, ParseError> parse_start(CborReader& reader, CborReader::Items& items) {
  SeriesStart start;
  bool has_series = false;
  while (reader.more(items)) {
    const std::string_view key = reader.read_text();
    if (key == "series_id") {
      start.series_id = reader.read_unsigned();
      has_series = true;
    } else if (key == "number_of_images") {
      start.expected_frames = reader.read_unsigned();
    } else if (key == "channels") {
      for (auto channels = reader.enter_array(); reader.more(channels);) {
        const std::string_view name = reader.read_text();
        if (start.channels.size() < k_max_channels) start.channels.emplace_back(name.substr(0, k_max_text));
      }
    } else if (key == "pixel_mask" && reader.peek() == CborReader::Kind::map) {
      read_mask(reader, start);
    } else if (key == "user_data") {
      read_user_data(reader, start.metadata);
    } else {
      read_metadata(reader, key, start.metadata);
    }
  }
  if (!reader.ok() || !has_series) return broken("a damaged start message");
  return Message(std::move(start));
}

std::uint64_t read_time_ns(CborReader& reader) {
  auto items = reader.enter_array();
  if (!reader.more(items)) return 0;
  const double numerator = reader.read_number();
  if (!reader.more(items)) return 0;
  const double denominator = reader.read_number();
  if (reader.more(items)) reader.fail();
  const double ns = denominator > 0 ? numerator / denominator * 1e9 : 0;
  return ns > 0 && ns < 9e18 ? static_cast<std::uint64_t>(ns) : 0;
}

void read_channels(CborReader& reader, Image& image) {
  for (auto channels = reader.enter_map(); reader.more(channels);) {
    Image::Channel channel;
    channel.name = reader.read_text();
    if (!read_array(reader, channel.data) || channel.data.shape.pixels() == 0) continue;
    if (image.channels.size() < k_max_channels) image.channels.push_back(channel);
  }
}

tl::expected<Message, ParseError> parse_image(CborReader& reader, CborReader::Items& items) {
  Image image;
  std::optional<std::uint64_t> series, number;
  while (reader.more(items)) {
    const std::string_view key = reader.read_text();
    if (key == "series_id") {
      series = reader.read_unsigned();
    } else if (key == "image_id") {
      number = reader.read_unsigned();
    } else if (key == "start_time" && reader.peek() == CborReader::Kind::array) {
      image.start_time_ns = read_time_ns(reader);
    } else if (key == "data" && reader.peek() == CborReader::Kind::map) {
      read_channels(reader, image);
    } else {
      reader.skip();
    }
  }
  if (!reader.ok()) return broken("a damaged image message", number);
  if (!series || !number) return broken("an image without series_id or image_id", number);
  if (image.channels.empty())
    return broken(fmt::format("image {} has no pixels that can be read", *number), number);
  image.series_id = *series;
  image.number = *number;
  return Message(std::move(image));
}

}  // namespace

tl::expected<Message, ParseError> parse_stream2(std::span<const std::byte> bytes) {
  CborReader reader(bytes);
  while (reader.peek() == CborReader::Kind::tag)
    if (reader.take_tag() != k_tag_self_described) return broken("a message that is not a map");
  auto items = reader.enter_map();
  if (!reader.more(items) || reader.read_text() != "type")
    return broken(fmt::format("a message of {} bytes without a type", bytes.size()));
  const std::string_view type = reader.read_text();
  if (!reader.ok()) return broken(fmt::format("a message of {} bytes without a type", bytes.size()));
  if (type == "start") return parse_start(reader, items);
  if (type == "image") return parse_image(reader, items);
  if (type == "end") {
    SeriesEnd end;
    while (reader.more(items)) {
      if (reader.read_text() == "series_id")
        end.series_id = reader.read_unsigned();
      else
        reader.skip();
    }
    if (!reader.ok()) return broken("a damaged end message");
    return Message(end);
  }
  if (type == "calibration" || type == "metadata") return Message(Nothing{});  // Jungfraujoch's additions
  return broken(fmt::format("unknown message type '{}'", type.substr(0, 40)));
}

}  // namespace bragglive::dectris
