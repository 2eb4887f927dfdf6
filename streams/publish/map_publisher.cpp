#include "streams/publish/map_publisher.hpp"

#include <cstring>
#include <msgpack.hpp>
#include <string_view>
#include <zmq.hpp>

#include "core/label/map_planes.hpp"
#include "streams/zmq/endpoint.hpp"

namespace bragglive {
namespace {

constexpr int k_version = 1;
constexpr int k_queued_messages = 64;

// What a viewer needs, in the order of the message's parts.
constexpr std::string_view k_published[] = {"state",      "crystal_system", "margin",
                                            "confidence", "space_group",    "lattice_a",
                                            "lattice_b",  "lattice_c",      "dark_field"};

std::vector<const MapPlane*> published_planes() {
  std::vector<const MapPlane*> planes;
  for (const std::string_view name : k_published)
    for (const MapPlane& plane : map_planes())
      if (name == plane.name) planes.push_back(&plane);
  return planes;
}

template <class Values>
void pack_counts(msgpack::packer<msgpack::sbuffer>& pack, const char* key, const Values& values) {
  pack.pack(key).pack_array(static_cast<std::uint32_t>(values.size()));
  for (const auto value : values) pack.pack(value);
}

msgpack::sbuffer header_of(const MapSnapshot& map, const std::vector<std::uint32_t>& rows, bool whole,
                           const std::vector<const MapPlane*>& planes) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> pack(buffer);
  pack.pack_map(12);
  pack.pack("version").pack(k_version);
  pack.pack("series_id").pack(map.series_id);
  pack.pack("generation").pack(map.generation);
  pack.pack("scan_shape").pack_array(2).pack(map.scan.rows).pack(map.scan.cols);
  pack.pack("scan_step_nm").pack(map.scan_step_nm);
  pack.pack("threshold").pack(map.threshold);
  pack.pack("finished").pack(map.finished);
  pack.pack("whole").pack(whole);
  pack_counts(pack, "states", map.states);
  pack_counts(pack, "systems", map.systems);
  pack_counts(pack, "rows", rows);
  pack.pack("planes").pack_array(static_cast<std::uint32_t>(planes.size()));
  for (const MapPlane* plane : planes) pack.pack_array(2).pack(plane->name).pack(plane->type);
  return buffer;
}

}  // namespace

struct MapPublisher::Socket {
  zmq::context_t context{1};
  zmq::socket_t pub{context, zmq::socket_type::pub};
};

MapPublisher::MapPublisher(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
MapPublisher::~MapPublisher() = default;

Expected<std::unique_ptr<MapPublisher>> MapPublisher::open(const std::string& endpoint) {
  const auto parsed = parse_endpoint(endpoint);
  if (!parsed) return tl::unexpected(parsed.error());
  auto socket = std::make_unique<Socket>();
  socket->pub.set(zmq::sockopt::sndhwm, k_queued_messages);
  socket->pub.set(zmq::sockopt::linger, 1000);  // ms: the finished map still goes out
  try {
    socket->pub.bind(parsed->address);
  } catch (const zmq::error_t& error) {
    return fail(ErrorArea::connection, "cannot publish at {}: {}; choose another port", parsed->address,
                error.what());
  }
  return std::unique_ptr<MapPublisher>(new MapPublisher(std::move(socket)));
}

void MapPublisher::publish(const std::shared_ptr<const MapSnapshot>& map) {
  if (!map || (last_ && last_->generation == map->generation)) return;
  const auto now = std::chrono::steady_clock::now();
  const bool same_scan = last_ && last_->series_id == map->series_id && last_->scan == map->scan;
  const bool whole = !same_scan || map->finished || now - last_whole_ >= whole_period;
  std::vector<std::uint32_t> rows;
  for (std::uint32_t row = 0; row < map->scan.rows; ++row)
    if (whole || map->rows[row] != last_->rows[row]) rows.push_back(row);
  if (whole) last_whole_ = now;
  send(*map, rows, whole);
  last_ = map;
}

void MapPublisher::send(const MapSnapshot& map, const std::vector<std::uint32_t>& rows, bool whole) {
  const auto flags = zmq::send_flags::dontwait;
  const std::vector<const MapPlane*> planes = published_planes();
  const msgpack::sbuffer header = header_of(map, rows, whole, planes);
  try {
    socket_->pub.send(zmq::str_buffer("bragglive.map"), flags | zmq::send_flags::sndmore);
    socket_->pub.send(zmq::const_buffer(header.data(), header.size()), flags | zmq::send_flags::sndmore);
    for (std::size_t i = 0; i < planes.size(); ++i) {
      const std::size_t row_bytes = map.scan.cols * planes[i]->bytes;
      zmq::message_t part(rows.size() * row_bytes);
      for (std::size_t r = 0; r < rows.size(); ++r)
        std::memcpy(static_cast<std::byte*>(part.data()) + r * row_bytes, planes[i]->row(*map.rows[rows[r]]),
                    row_bytes);
      socket_->pub.send(std::move(part), i + 1 < planes.size() ? flags | zmq::send_flags::sndmore : flags);
    }
  } catch (const zmq::error_t&) {
    // PUB drops for slow subscribers by itself; anything else ends with the context and there is nobody to
    // tell.
  }
}

}  // namespace bragglive
