// A TCP connection that never blocks longer than it is told, for detectors that speak without ZeroMQ.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/frame/error.hpp"

namespace bragglive {

using Deadline = std::chrono::steady_clock::time_point;

struct TcpAddress {
  std::string host;
  std::uint16_t port = 0;
};
// "tcp://host:port".
Expected<TcpAddress> parse_tcp_address(std::string_view uri);

class TcpSocket {
 public:
  TcpSocket() = default;
  TcpSocket(TcpSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  TcpSocket& operator=(TcpSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~TcpSocket() { close(); }

  static Expected<TcpSocket> connect(const TcpAddress& address, Deadline deadline);
  static Expected<TcpSocket> listen(const TcpAddress& address);  // host "*" = all interfaces
  std::optional<TcpSocket> accept(Deadline deadline) const;

  bool open() const { return fd_ >= 0; }
  void close();
  // Bytes taken; 0 = nothing within the deadline; nullopt = the other side is gone.
  std::optional<std::size_t> receive(std::span<std::byte> into, Deadline deadline) const;
  // false: the other side is gone or took nothing until the deadline.
  bool send_all(std::span<const std::byte> bytes, Deadline deadline) const;

 private:
  explicit TcpSocket(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace bragglive
