#include "streams/tcp/tcp_socket.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace bragglive {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Expected<Addresses> resolve(const TcpAddress& address, bool passive) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = passive ? AI_PASSIVE : 0;
  addrinfo* list = nullptr;
  const char* host = passive && address.host == "*" ? nullptr : address.host.c_str();
  const int error = ::getaddrinfo(host, std::to_string(address.port).c_str(), &hints, &list);
  if (error != 0)
    return fail(ErrorArea::connection, "cannot find host '{}': {}", address.host, ::gai_strerror(error));
  return Addresses(list);
}

bool wait_for(int fd, short what, Deadline deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd item{fd, what, 0};
    const int ready = ::poll(&item, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

Expected<TcpAddress> parse_tcp_address(std::string_view uri) {
  constexpr std::string_view k_scheme = "tcp://";
  const auto wrong = [&] {
    return fail(ErrorArea::usage, "'{}' is not an address like tcp://host:6342", uri);
  };
  if (!uri.starts_with(k_scheme)) return wrong();
  std::string_view rest = uri.substr(k_scheme.size());
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong();
  TcpAddress address;
  address.host = rest.substr(0, colon);
  if (address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  const std::string_view port = rest.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc{} || end != port.data() + port.size() || address.port == 0) return wrong();
  return address;
}

void TcpSocket::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Expected<TcpSocket> TcpSocket::connect(const TcpAddress& address, Deadline deadline) {
  auto list = resolve(address, false);
  if (!list) return tl::unexpected(list.error());
  int reason = ECONNREFUSED;
  for (const addrinfo* at = list->get(); at != nullptr; at = at->ai_next) {
    TcpSocket socket(
        ::socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol));
    if (!socket.open()) continue;
    if (::connect(socket.fd_, at->ai_addr, at->ai_addrlen) == 0) return socket;
    reason = errno;
    if (reason != EINPROGRESS) continue;
    reason = ETIMEDOUT;
    if (!wait_for(socket.fd_, POLLOUT, deadline)) continue;
    socklen_t size = sizeof(reason);
    ::getsockopt(socket.fd_, SOL_SOCKET, SO_ERROR, &reason, &size);
    if (reason == 0) return socket;
  }
  return fail(ErrorArea::connection, "cannot connect to {}:{}: {}", address.host, address.port,
              std::strerror(reason));
}

Expected<TcpSocket> TcpSocket::listen(const TcpAddress& address) {
  auto list = resolve(address, true);
  if (!list) return tl::unexpected(list.error());
  int reason = EADDRNOTAVAIL;
  for (const addrinfo* at = list->get(); at != nullptr; at = at->ai_next) {
    TcpSocket socket(
        ::socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol));
    const int yes = 1;
    if (socket.open()) ::setsockopt(socket.fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (socket.open() && ::bind(socket.fd_, at->ai_addr, at->ai_addrlen) == 0 && ::listen(socket.fd_, 4) == 0)
      return socket;
    reason = errno;
  }
  return fail(ErrorArea::connection,
              "cannot bind {}:{}: {}; choose another port or end the program that has it", address.host,
              address.port, std::strerror(reason));
}

std::optional<TcpSocket> TcpSocket::accept(Deadline deadline) const {
  if (!wait_for(fd_, POLLIN, deadline)) return std::nullopt;
  TcpSocket socket(::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.open()) return std::nullopt;
  const int yes = 1;
  ::setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  return socket;
}

std::optional<std::size_t> TcpSocket::receive(std::span<std::byte> into, Deadline deadline) const {
  for (;;) {
    const ssize_t n = ::recv(fd_, into.data(), into.size(), 0);
    if (n > 0) return static_cast<std::size_t>(n);
    if (n == 0) return std::nullopt;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return std::nullopt;
    if (!wait_for(fd_, POLLIN, deadline)) return 0;
  }
}

bool TcpSocket::send_all(std::span<const std::byte> bytes, Deadline deadline) const {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (n < 0 && errno != EINTR) {
      if ((errno != EAGAIN && errno != EWOULDBLOCK) || !wait_for(fd_, POLLOUT, deadline)) return false;
    }
  }
  return true;
}

}  // namespace bragglive
