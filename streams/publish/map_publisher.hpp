// Publishes the growing map for other programs: a ZeroMQ PUB socket, msgpack headers, planes as raw bytes.
// Format: PUBLISHING.md.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/frame/error.hpp"
#include "core/label/map_snapshot.hpp"

namespace bragglive {

// Used by one thread. A subscriber that is slow loses updates, never the publisher: the next whole map
// repairs it.
class MapPublisher {
 public:
  // "tcp://*:6000", "ipc://…"; binds.
  static Expected<std::unique_ptr<MapPublisher>> open(const std::string& endpoint);
  ~MapPublisher();

  // Rows that changed since the last call; the whole map for a new series, a finished one, and every
  // `whole_period`.
  void publish(const std::shared_ptr<const MapSnapshot>& map);

  std::chrono::milliseconds whole_period{2000};

 private:
  struct Socket;
  explicit MapPublisher(std::unique_ptr<Socket> socket);
  void send(const MapSnapshot& map, const std::vector<std::uint32_t>& rows, bool whole);

  std::unique_ptr<Socket> socket_;
  std::shared_ptr<const MapSnapshot> last_;
  std::chrono::steady_clock::time_point last_whole_{};
};

}  // namespace bragglive
