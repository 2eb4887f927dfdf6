// Snapshots of the C ABI: immutable, copied out plane by plane.
#include "core/label/map_planes.hpp"
#include "plugin/abi/calls.hpp"
#include "plugin/abi/handles.hpp"

namespace bragglive::abi {
namespace {

// nullptr: no such plane.
const MapPlane* plane_numbered(std::uint32_t number) {
  static_assert(BRAGGLIVE_PLANE_DARK_FIELD == 12 && BRAGGLIVE_PLANE_COUNT == 13,
                "the numbers are those of map_planes()");
  return number < map_planes().size() ? &map_planes()[number] : nullptr;
}

std::uint32_t element_type(const MapPlane& plane) {
  if (plane.bytes == 1) return BRAGGLIVE_U8;
  return plane.bytes == 2 ? BRAGGLIVE_U16 : BRAGGLIVE_F32;
}

}  // namespace

bragglive_status take_snapshot(bragglive_session* session, bragglive_snapshot** out) {
  if (!session || !out) return BRAGGLIVE_BAD_ARGUMENT;
  *out = nullptr;
  return guarded(session, [&]() -> bragglive_status {
    auto map = session->session->snapshot();
    if (!map) return BRAGGLIVE_NO_SNAPSHOT;
    *out = std::make_unique<bragglive_snapshot>(bragglive_snapshot{std::move(map)}).release();
    return BRAGGLIVE_OK;
  });
}

void release_snapshot(bragglive_snapshot* snapshot) {
  const std::unique_ptr<bragglive_snapshot> owned(snapshot);
}

bragglive_status snapshot_info(const bragglive_snapshot* snapshot, bragglive_snapshot_info* info) {
  if (!snapshot) return BRAGGLIVE_BAD_ARGUMENT;
  const MapSnapshot& map = *snapshot->map;
  bragglive_snapshot_info filled{};
  filled.rows = map.scan.rows;
  filled.cols = map.scan.cols;
  filled.finished = map.finished;
  filled.generation = map.generation;
  filled.series_id = map.series_id;
  filled.threshold = map.threshold;
  std::copy(map.states.begin(), map.states.end(), filled.states);
  std::copy(map.systems.begin(), map.systems.end(), filled.systems);
  return fill(filled, info);
}

bragglive_status copy_plane(const bragglive_snapshot* snapshot, std::uint32_t number, void* buffer,
                            std::size_t size) {
  const MapPlane* plane = plane_numbered(number);
  if (!snapshot || !buffer || !plane) return BRAGGLIVE_BAD_ARGUMENT;
  const MapSnapshot& map = *snapshot->map;
  if (size < map.scan.positions() * plane->bytes) return BRAGGLIVE_BUFFER_TOO_SMALL;
  auto* to = static_cast<std::byte*>(buffer);
  const std::size_t row_bytes = std::size_t{map.scan.cols} * plane->bytes;
  for (const auto& row : map.rows) {
    std::memcpy(to, plane->row(*row), row_bytes);
    to += row_bytes;
  }
  return BRAGGLIVE_OK;
}

bragglive_status plane_info(std::uint32_t number, bragglive_plane_info* info) {
  const MapPlane* plane = plane_numbered(number);
  if (!plane) return BRAGGLIVE_BAD_ARGUMENT;
  return fill(bragglive_plane_info{0, element_type(*plane), plane->bytes, plane->name, plane->unit}, info);
}

}  // namespace bragglive::abi
