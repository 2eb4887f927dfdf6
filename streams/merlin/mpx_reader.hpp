// Merlin's framing on the data port: "MPX,<10 digits>," and that many bytes less the comma; re-found after
// garbage.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "streams/tcp/tcp_socket.hpp"

namespace bragglive::merlin {

class MpxReader {
 public:
  explicit MpxReader(TcpAddress address) : address_(std::move(address)) {}

  // Reads, connecting first where there is no connection, until a message is whole or the deadline passes.
  // The message stays valid until the next call.
  bool read(Deadline deadline);
  std::span<const std::byte> message() const { return {buffer_.data() + k_prefix, length_}; }
  // Bytes thrown away in search of the next message since the last call.
  std::uint64_t take_garbage() { return std::exchange(garbage_, 0); }
  // Connections lost since the last call.
  std::uint64_t take_losses() { return std::exchange(losses_, 0); }

 private:
  static constexpr std::size_t k_prefix = 15;
  bool connect(Deadline deadline);
  void find_prefix();
  std::optional<std::size_t> stated_length() const;

  const TcpAddress address_;
  TcpSocket socket_;
  std::vector<std::byte> buffer_;  // begins with a prefix, once there is one
  std::size_t filled_ = 0;         // bytes of the buffer that have come
  std::size_t length_ = 0;         // of the whole message in the buffer
  bool whole_ = false;
  std::uint64_t garbage_ = 0, losses_ = 0;
};

}  // namespace bragglive::merlin
