#include "streams/native/wire.hpp"

#include <array>
#include <cstring>
#include <msgpack.hpp>
#include <string_view>

#include "streams/codec/codec.hpp"

namespace bragglive::native {
namespace {

constexpr std::size_t k_max_elements = 4096;  // entries of a map or an array in a header
constexpr std::size_t k_max_depth = 8;

// What a header may say, collected in one pass over its map. Absent = nullopt.
struct Fields {
  std::optional<std::uint64_t> version, series_id, frame_number, scan_index, timestamp_ns, expected_frames,
      frames_sent;
  std::optional<std::array<std::uint64_t, 2>> scan_shape, detector_shape;
  std::optional<std::string_view> type, pixel_type, encoding;
  std::optional<bool> repeat;
  const msgpack::object* metadata = nullptr;
};

// msgpack integers of any width and sign; a float with an integer value is not one.
bool read(const msgpack::object& object, std::optional<std::uint64_t>& to) {
  if (object.type != msgpack::type::POSITIVE_INTEGER) return false;
  to = object.via.u64;
  return true;
}

bool read(const msgpack::object& object, std::optional<std::string_view>& to) {
  if (object.type != msgpack::type::STR) return false;
  to = std::string_view(object.via.str.ptr, object.via.str.size);
  return true;
}

bool read(const msgpack::object& object, std::optional<bool>& to) {
  if (object.type != msgpack::type::BOOLEAN) return false;
  to = object.via.boolean;
  return true;
}

bool read(const msgpack::object& object, std::optional<std::array<std::uint64_t, 2>>& to) {
  if (object.type != msgpack::type::ARRAY || object.via.array.size != 2) return false;
  const msgpack::object* item = object.via.array.ptr;
  if (item[0].type != msgpack::type::POSITIVE_INTEGER || item[1].type != msgpack::type::POSITIVE_INTEGER)
    return false;
  to = {item[0].via.u64, item[1].via.u64};
  return true;
}

// false: the key is known and its value has the wrong type.
bool read_field(std::string_view key, const msgpack::object& value, Fields& f) {
  if (key == "version") return read(value, f.version);
  if (key == "type") return read(value, f.type);
  if (key == "series_id") return read(value, f.series_id);
  if (key == "frame_number") return read(value, f.frame_number);
  if (key == "scan_index") return read(value, f.scan_index);
  if (key == "timestamp_ns") return read(value, f.timestamp_ns);
  if (key == "scan_shape") return read(value, f.scan_shape);
  if (key == "detector_shape") return read(value, f.detector_shape);
  if (key == "pixel_type") return read(value, f.pixel_type);
  if (key == "encoding") return read(value, f.encoding);
  if (key == "expected_frames") return read(value, f.expected_frames);
  if (key == "frames_sent") return read(value, f.frames_sent);
  if (key == "repeat") return read(value, f.repeat);
  if (key == "metadata") {
    f.metadata = value.type == msgpack::type::MAP ? &value : nullptr;
    return f.metadata != nullptr;
  }
  return true;
}

Expected<Fields> collect(const msgpack::object& root) {
  if (root.type != msgpack::type::MAP)
    return fail(ErrorArea::format, "a message header is not a msgpack map");
  Fields fields;
  const msgpack::object_map& map = root.via.map;
  for (std::uint32_t i = 0; i < map.size; ++i) {
    if (map.ptr[i].key.type != msgpack::type::STR) continue;
    const std::string_view key(map.ptr[i].key.via.str.ptr, map.ptr[i].key.via.str.size);
    if (!read_field(key, map.ptr[i].val, fields))
      return fail(ErrorArea::format, "header field '{}' has the wrong type (see streams/native/PROTOCOL.md)",
                  key);
  }
  return fields;
}

std::string text_of(const msgpack::object& value) {
  switch (value.type) {
    case msgpack::type::STR:
      return std::string(value.via.str.ptr, value.via.str.size);
    case msgpack::type::POSITIVE_INTEGER:
      return std::to_string(value.via.u64);
    case msgpack::type::NEGATIVE_INTEGER:
      return std::to_string(value.via.i64);
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64:
      return fmt::format("{}", value.via.f64);
    case msgpack::type::BOOLEAN:
      return value.via.boolean ? "true" : "false";
    default:
      return {};
  }
}

std::map<std::string, std::string> metadata_of(const msgpack::object& object) {
  std::map<std::string, std::string> metadata;
  const msgpack::object_map& map = object.via.map;
  for (std::uint32_t i = 0; i < map.size; ++i)
    if (map.ptr[i].key.type == msgpack::type::STR)
      metadata[std::string(map.ptr[i].key.via.str.ptr, map.ptr[i].key.via.str.size)] =
          text_of(map.ptr[i].val);
  return metadata;
}

Expected<StartHeader> start_of(const Fields& f) {
  if (!f.series_id || !f.scan_shape || !f.detector_shape || !f.pixel_type)
    return fail(ErrorArea::format, "a scan start needs series_id, scan_shape, detector_shape and pixel_type");
  const auto [scan_rows, scan_cols] = *f.scan_shape;
  const auto [rows, cols] = *f.detector_shape;
  if (scan_rows == 0 || scan_cols == 0 || scan_rows > k_max_scan_positions ||
      scan_cols > k_max_scan_positions || scan_rows * scan_cols > k_max_scan_positions)
    return fail(ErrorArea::shape, "scan_shape {}x{} is not between 1 and {} positions", scan_rows, scan_cols,
                k_max_scan_positions);
  if (rows == 0 || cols == 0 || rows > k_max_detector_side || cols > k_max_detector_side)
    return fail(ErrorArea::shape, "detector_shape {}x{} is not between 1 and {} a side", rows, cols,
                k_max_detector_side);
  const auto pixel = pixel_type_from_name(*f.pixel_type);
  if (!pixel)
    return fail(ErrorArea::format, "pixel_type '{}' is not uint8, uint16, uint32 or float32", *f.pixel_type);
  const auto encoding = encoding_from_name(f.encoding.value_or("none"));
  if (!encoding)
    return fail(ErrorArea::format, "encoding '{}' is not none, lz4, bslz4 or hdf5-lz4", *f.encoding);

  StartHeader header;
  header.start.series_id = *f.series_id;
  header.start.scan = {static_cast<std::uint32_t>(scan_rows), static_cast<std::uint32_t>(scan_cols)};
  header.start.frame = {static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(cols)};
  header.start.pixel = *pixel;
  header.start.encoding = *encoding;
  header.start.expected_frames = f.expected_frames.value_or(0);
  if (f.metadata) header.start.metadata = metadata_of(*f.metadata);
  header.repeat = f.repeat.value_or(false);
  return header;
}

Expected<Header> header_of(const Fields& f) {
  if (!f.version) return fail(ErrorArea::format, "a header has no version: this is not the native protocol");
  if (*f.version != k_version)
    return fail(ErrorArea::format,
                "the sender speaks version {} of the native protocol, this program version {}", *f.version,
                k_version);
  if (!f.type) return fail(ErrorArea::format, "a header has no type");
  if (*f.type == "frame") {
    if (!f.series_id || !f.scan_index)
      return fail(ErrorArea::format, "a frame needs series_id and scan_index");
    return FrameHeader{*f.series_id, f.frame_number.value_or(*f.scan_index), *f.scan_index,
                       f.timestamp_ns.value_or(0)};
  }
  if (*f.type == "scan_start") {
    auto start = start_of(f);
    if (!start) return tl::unexpected(start.error());
    return Header(std::move(*start));
  }
  if (*f.type == "scan_end") {
    if (!f.series_id) return fail(ErrorArea::format, "a scan end needs series_id");
    return ScanEnd{*f.series_id, f.frames_sent.value_or(0)};
  }
  return fail(ErrorArea::format, "unknown message type '{}'", f.type->substr(0, 40));
}

template <class Fill>
std::vector<std::byte> packed(std::uint32_t entries, const char* type, std::uint64_t series_id, Fill fill) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> pack(buffer);
  pack.pack_map(entries + 3);
  pack.pack("version").pack(k_version);
  pack.pack("type").pack(type);
  pack.pack("series_id").pack(series_id);
  fill(pack);
  std::vector<std::byte> bytes(buffer.size());
  std::memcpy(bytes.data(), buffer.data(), buffer.size());
  return bytes;
}

}  // namespace

struct HeaderParser::State {
  msgpack::zone zone;
};

HeaderParser::HeaderParser() : state_(std::make_unique<State>()) {}
HeaderParser::~HeaderParser() = default;

tl::expected<Header, ParseError> HeaderParser::parse(std::span<const std::byte> bytes) {
  const auto broken = [](Error error, std::optional<std::uint64_t> scan_index = std::nullopt) {
    return tl::unexpected<ParseError>(ParseError{std::move(error), scan_index});
  };
  if (bytes.size() > k_max_header_bytes)
    return broken({ErrorArea::format, fmt::format("a header of {} bytes is too long", bytes.size())});
  try {
    state_->zone.clear();
    std::size_t used = 0;
    const msgpack::unpack_limit limit(k_max_elements, k_max_elements, k_max_header_bytes, k_max_header_bytes,
                                      k_max_header_bytes, k_max_depth);
    bool referenced = false;
    const msgpack::object root = msgpack::unpack(
        state_->zone, reinterpret_cast<const char*>(bytes.data()), bytes.size(), used, referenced,
        [](msgpack::type::object_type, std::size_t, void*) { return true; }, nullptr, limit);
    auto fields = collect(root);
    if (!fields) return broken(fields.error());
    auto header = header_of(*fields);
    if (!header) return broken(header.error(), fields->scan_index);
    return std::move(*header);
  } catch (const std::exception&) {  // the library's only way to say it
    return broken({ErrorArea::format, fmt::format("a header of {} bytes is not msgpack", bytes.size())});
  }
}

std::vector<std::byte> pack(const StartHeader& header) {
  const ScanStart& start = header.start;
  return packed(header.repeat ? 7 : 6, "scan_start", start.series_id, [&](auto& pack) {
    pack.pack("scan_shape").pack(std::array<std::uint32_t, 2>{start.scan.rows, start.scan.cols});
    pack.pack("detector_shape").pack(std::array<std::uint32_t, 2>{start.frame.rows, start.frame.cols});
    pack.pack("pixel_type").pack(std::string(name_of(start.pixel)));
    pack.pack("encoding").pack(std::string(name_of(start.encoding)));
    pack.pack("expected_frames").pack(start.expected_frames);
    pack.pack("metadata").pack(start.metadata);
    if (header.repeat) pack.pack("repeat").pack(true);
  });
}

std::vector<std::byte> pack(const FrameHeader& header) {
  return packed(3, "frame", header.series_id, [&](auto& pack) {
    pack.pack("frame_number").pack(header.frame_number);
    pack.pack("scan_index").pack(header.scan_index);
    pack.pack("timestamp_ns").pack(header.timestamp_ns);
  });
}

std::vector<std::byte> pack(const ScanEnd& header) {
  return packed(1, "scan_end", header.series_id,
                [&](auto& pack) { pack.pack("frames_sent").pack(header.frames_sent); });
}

}  // namespace bragglive::native
