#include "streams/crystfel/image_message.hpp"

#include <cmath>
#include <cstring>
#include <msgpack.hpp>
#include <string_view>

#include "streams/recordings/pixel_format.hpp"

namespace bragglive::crystfel {
namespace {

constexpr std::size_t k_max_text = 4096, k_max_metadata = 100;

tl::unexpected<Error> broken(std::string_view what) {
  return fail(ErrorArea::format, "CrystFEL/OM message: {}", what);
}

// Keys and types may be texts or, from msgpack-numpy, bytes.
std::string_view text_of(const msgpack::object& object) {
  if (object.type == msgpack::type::STR) return {object.via.str.ptr, object.via.str.size};
  if (object.type == msgpack::type::BIN) return {object.via.bin.ptr, object.via.bin.size};
  return {};
}

const msgpack::object* find(const msgpack::object& map, std::string_view key) {
  if (map.type != msgpack::type::MAP) return nullptr;
  for (std::uint32_t i = 0; i < map.via.map.size; ++i)
    if (text_of(map.via.map.ptr[i].key) == key) return &map.via.map.ptr[i].val;
  return nullptr;
}

std::optional<std::uint64_t> count_in(const msgpack::object& map, std::string_view key) {
  const msgpack::object* value = find(map, key);
  if (value == nullptr || value->type != msgpack::type::POSITIVE_INTEGER) return std::nullopt;
  return value->via.u64;
}

Expected<void> read_array(const msgpack::object& array, ImageMessage& image) {
  const msgpack::object* type = find(array, "type");
  const msgpack::object* shape = find(array, "shape");
  const msgpack::object* data = find(array, "data");
  if (type == nullptr || shape == nullptr || data == nullptr)
    return broken("\"detector_data\" lacks type, shape or data");
  const auto format = pixel_format_from_numpy(text_of(*type));
  if (!format) return broken(fmt::format("pixels of type '{}' cannot be read", text_of(*type).substr(0, 16)));
  if (shape->type != msgpack::type::ARRAY || shape->via.array.size != 2)
    return broken("the image has not two axes");
  std::uint64_t sides[2];
  for (int axis = 0; axis < 2; ++axis) {
    const msgpack::object& side = shape->via.array.ptr[axis];
    sides[axis] = side.type == msgpack::type::POSITIVE_INTEGER ? side.via.u64 : 0;
    if (sides[axis] == 0 || sides[axis] > k_max_detector_side)
      return broken(fmt::format("a side of the image is not between 1 and {}", k_max_detector_side));
  }
  image.frame = {static_cast<std::uint32_t>(sides[0]), static_cast<std::uint32_t>(sides[1])};
  image.pixel = *format->pixel_type();
  const std::string_view bytes = text_of(*data);
  if (bytes.size() != image.frame.pixels() * format->bytes)
    return broken(fmt::format("{} bytes are no image of {}x{}", bytes.size(), sides[0], sides[1]));
  image.pixels.resize(image.frame.pixels() * bytes_per_pixel(image.pixel));
  convert_pixels(*format, std::as_bytes(std::span(bytes)), image.pixels);
  return {};
}

void read_metadata(const msgpack::object& map, ImageMessage& image) {
  for (std::uint32_t i = 0; i < map.via.map.size && image.metadata.size() < k_max_metadata; ++i) {
    const std::string key(text_of(map.via.map.ptr[i].key).substr(0, k_max_text));
    const msgpack::object& value = map.via.map.ptr[i].val;
    if (value.type == msgpack::type::STR) image.metadata[key] = text_of(value).substr(0, k_max_text);
    if (value.type == msgpack::type::POSITIVE_INTEGER) image.metadata[key] = std::to_string(value.via.u64);
    if (value.type == msgpack::type::FLOAT64 || value.type == msgpack::type::FLOAT32)
      image.metadata[key] = fmt::format("{}", value.via.f64);
  }
}

}  // namespace

Expected<ImageMessage> parse_image(std::span<const std::byte> bytes) try {
  const auto in_place = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  const std::size_t most = bytes.size();
  const msgpack::unpack_limit limit(1 << 20, 1 << 16, most, most, 0, 8);
  msgpack::object_handle handle;
  msgpack::unpack(handle, reinterpret_cast<const char*>(bytes.data()), bytes.size(), in_place, nullptr,
                  limit);
  const msgpack::object* event = &handle.get();
  if (event->type == msgpack::type::ARRAY && event->via.array.size > 0) event = event->via.array.ptr;
  const msgpack::object* data = find(*event, "detector_data");
  if (data == nullptr) return broken("no \"detector_data\": is this another program's stream, or pickle?");
  ImageMessage image;
  if (auto read = read_array(*data, image); !read) return tl::unexpected(read.error());
  image.series_id = count_in(*event, "series_id");
  image.frame_number = count_in(*event, "frame_number");
  read_metadata(*event, image);
  return image;
} catch (const std::exception&) {  // msgpack's only way to say it
  return broken("this is not msgpack");
}

std::vector<std::byte> pack_image(const ImageMessage& image) {
  msgpack::sbuffer buffer(image.pixels.size() + 1024);
  msgpack::packer<msgpack::sbuffer> pack(buffer);
  pack.pack_map(1 + (image.series_id ? 1 : 0) + (image.frame_number ? 1 : 0) +
                static_cast<std::uint32_t>(image.metadata.size()));
  if (image.series_id) pack.pack("series_id").pack(*image.series_id);
  if (image.frame_number) pack.pack("frame_number").pack(*image.frame_number);
  for (const auto& [key, value] : image.metadata) pack.pack(key).pack(value);
  const char* type = image.pixel == PixelType::u8    ? "|u1"
                     : image.pixel == PixelType::u16 ? "<u2"
                     : image.pixel == PixelType::u32 ? "<u4"
                                                     : "<f4";
  pack.pack("detector_data").pack_map(3);
  pack.pack("type").pack(type);
  pack.pack("shape").pack_array(2).pack(image.frame.rows).pack(image.frame.cols);
  pack.pack("data").pack_bin(static_cast<std::uint32_t>(image.pixels.size()));
  pack.pack_bin_body(reinterpret_cast<const char*>(image.pixels.data()),
                     static_cast<std::uint32_t>(image.pixels.size()));
  std::vector<std::byte> bytes(buffer.size());
  std::memcpy(bytes.data(), buffer.data(), buffer.size());
  return bytes;
}

}  // namespace bragglive::crystfel
