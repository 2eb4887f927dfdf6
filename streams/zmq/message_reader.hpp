// Whole multipart messages from one ZeroMQ socket, with every size bounded.
#pragma once
#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "core/frame/error.hpp"
#include "streams/payload.hpp"
#include "streams/zmq/endpoint.hpp"

namespace bragglive {

struct ReaderOptions {
  zmq::socket_type kind = zmq::socket_type::pull;
  int hwm = 1000;
};

// No single part may be longer: the largest detector at 32 bit, or its compressed form. ZeroMQ itself cuts
// off a peer that sends more.
constexpr std::size_t k_max_part_bytes = std::size_t{300} << 20;

// Opened by any thread, then used by one.
class MessageReader {
 public:
  static constexpr std::size_t k_max_parts = 10;  // further ones are counted and dropped

  static Expected<std::unique_ptr<MessageReader>> open(const Endpoint& endpoint,
                                                       const ReaderOptions& options);

  // A further endpoint for the same socket, before the first read().
  Expected<void> add(const Endpoint& endpoint);

  // Of a REQ socket: asks for the next message. A request that was never answered may be repeated.
  bool request(std::string_view what);
  // Waits for the next message; false when none came. Parts stay valid until the next call.
  bool read(std::chrono::milliseconds timeout);
  std::size_t parts() const { return parts_; }
  std::span<const std::byte> part(std::size_t index) const;
  // Moves a part out without copying it.
  Payload take(std::size_t index);
  // Likewise, of which only the bytes from `offset` on count.
  Payload take(std::size_t index, std::size_t offset, std::size_t size);

 private:
  explicit MessageReader(zmq::socket_type kind) : socket_(context_, kind) {}
  bool receive(zmq::message_t& message);

  zmq::context_t context_{1};
  zmq::socket_t socket_;
  std::array<zmq::message_t, k_max_parts> messages_;
  std::size_t parts_ = 0;
};

}  // namespace bragglive
