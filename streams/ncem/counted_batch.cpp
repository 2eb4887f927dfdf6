#include "streams/ncem/counted_batch.hpp"

#include <algorithm>
#include <cstring>
#include <msgpack.hpp>
#include <string_view>

namespace bragglive::ncem {
namespace {

constexpr std::size_t k_max_frames = 65536;  // in a batch
constexpr std::size_t k_max_bytes = std::size_t{300} << 20;
constexpr std::size_t k_max_depth = 8;

tl::unexpected<Error> no_batch(std::string_view what) {
  return fail(ErrorArea::format, "4D Camera: a counted batch {}", what);
}

const msgpack::object* find(const msgpack::object& map, std::string_view key) {
  if (map.type != msgpack::type::MAP) return nullptr;
  for (std::uint32_t i = 0; i < map.via.map.size; ++i) {
    const msgpack::object& name = map.via.map.ptr[i].key;
    if (name.type == msgpack::type::STR && std::string_view(name.via.str.ptr, name.via.str.size) == key)
      return &map.via.map.ptr[i].val;
  }
  return nullptr;
}

std::optional<std::uint64_t> number(const msgpack::object& map, std::string_view key) {
  const msgpack::object* found = find(map, key);
  if (!found || found->type != msgpack::type::POSITIVE_INTEGER) return std::nullopt;
  return found->via.u64;
}

// Everything but the electrons; nullopt: something is missing or beyond the limits.
std::optional<CountedFrame> frame_of(const msgpack::object& map) {
  CountedFrame frame;
  const auto scan = number(map, "scan_number"), cols = number(map, "nSTEM_positions_per_row_m1"),
             rows = number(map, "nSTEM_rows_m1"), col = number(map, "STEM_x_position_in_row"),
             row = number(map, "STEM_row_in_scan");
  if (!scan || !cols || !rows || !col || !row) return std::nullopt;
  if (*cols >= k_max_scan_positions || *rows >= k_max_scan_positions || *col > *cols || *row > *rows ||
      (*cols + 1) * (*rows + 1) > k_max_scan_positions)
    return std::nullopt;
  const msgpack::object* shape = find(map, "frame_shape");
  if (!shape || shape->type != msgpack::type::ARRAY || shape->via.array.size != 2) return std::nullopt;
  std::uint64_t sides[2] = {};
  for (std::size_t i = 0; i < 2; ++i) {
    const msgpack::object& side = shape->via.array.ptr[i];
    if (side.type != msgpack::type::POSITIVE_INTEGER || side.via.u64 == 0 ||
        side.via.u64 > k_max_detector_side)
      return std::nullopt;
    sides[i] = side.via.u64;
  }
  frame.scan_number = *scan;
  frame.scan = {static_cast<std::uint32_t>(*rows + 1), static_cast<std::uint32_t>(*cols + 1)};
  frame.row = static_cast<std::uint32_t>(*row);
  frame.col = static_cast<std::uint32_t>(*col);
  frame.frame = {static_cast<std::uint32_t>(sides[0]), static_cast<std::uint32_t>(sides[1])};
  return frame;
}

}  // namespace

Expected<CountedBatch> parse_counted(std::span<const std::byte> bytes) try {
  const msgpack::unpack_limit limit(k_max_frames, 64, 4096, k_max_bytes, 4096, k_max_depth);
  bool referenced = false;
  msgpack::zone zone;
  std::size_t used = 0;
  const msgpack::object root = msgpack::unpack(
      zone, reinterpret_cast<const char*>(bytes.data()), bytes.size(), used, referenced,
      [](msgpack::type::object_type, std::size_t, void*) { return true; }, nullptr, limit);
  const msgpack::object *header = find(root, "header"), *data = find(root, "data");
  const msgpack::object* headers = header ? find(*header, "headers") : nullptr;
  if (!headers || !data || headers->type != msgpack::type::ARRAY || data->type != msgpack::type::BIN)
    return no_batch("has no list of headers or no data");
  CountedBatch batch;
  batch.total_frames = number(*header, "total_frames").value_or(0);
  std::span<const std::byte> rest(reinterpret_cast<const std::byte*>(data->via.bin.ptr), data->via.bin.size);
  for (std::uint32_t i = 0; i < headers->via.array.size; ++i) {
    const msgpack::object& one = headers->via.array.ptr[i];
    auto frame = frame_of(one);
    const auto size = number(one, "data_size_bytes");
    if (!frame || !size) return no_batch("has a frame without a place, a shape or a size");
    if (*size > rest.size() || *size % 4 != 0) return no_batch("is shorter than its frames say");
    frame->electrons = rest.first(static_cast<std::size_t>(*size));
    rest = rest.subspan(static_cast<std::size_t>(*size));
    batch.frames.push_back(*frame);
  }
  return batch;
} catch (const std::exception&) {  // msgpack's only way to say it
  return no_batch("is not msgpack");
}

std::vector<std::byte> pack_counted(const CountedBatch& batch, std::uint64_t batch_index) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> pack(buffer);
  std::size_t bytes = 0;
  for (const CountedFrame& frame : batch.frames) bytes += frame.electrons.size();
  pack.pack_map(2);
  pack.pack("header").pack_map(6);
  pack.pack("scan_number").pack(batch.frames.empty() ? 0 : batch.frames.front().scan_number);
  pack.pack("batch_size_bytes").pack(bytes).pack("total_batches").pack(batch.total_frames);
  pack.pack("total_frames").pack(batch.total_frames).pack("current_batch_index").pack(batch_index);
  pack.pack("headers").pack_array(static_cast<std::uint32_t>(batch.frames.size()));
  for (const CountedFrame& frame : batch.frames) {
    pack.pack_map(10);
    pack.pack("scan_number").pack(frame.scan_number);
    pack.pack("frame_number").pack(std::uint64_t{frame.row} * frame.scan.cols + frame.col);
    pack.pack("nSTEM_positions_per_row_m1").pack(frame.scan.cols - 1);
    pack.pack("nSTEM_rows_m1").pack(frame.scan.rows - 1);
    pack.pack("STEM_x_position_in_row").pack(frame.col).pack("STEM_row_in_scan").pack(frame.row);
    pack.pack("modules").pack(std::array{0, 1, 2, 3});
    pack.pack("frame_shape").pack(std::array{frame.frame.rows, frame.frame.cols});
    pack.pack("data_size_bytes").pack(frame.electrons.size()).pack("dtype").pack("uint32");
  }
  pack.pack("data").pack_bin(static_cast<std::uint32_t>(bytes));
  for (const CountedFrame& frame : batch.frames)
    pack.pack_bin_body(reinterpret_cast<const char*>(frame.electrons.data()),
                       static_cast<std::uint32_t>(frame.electrons.size()));
  std::vector<std::byte> packed(buffer.size());
  std::memcpy(packed.data(), buffer.data(), buffer.size());
  return packed;
}

}  // namespace bragglive::ncem
