#include "streams/http/http_client.hpp"

#include <array>

namespace bragglive {

Expected<TcpAddress> parse_http_address(const std::string& text) {
  constexpr std::string_view k_scheme = "http://";
  std::string_view rest = text;
  if (rest.starts_with(k_scheme)) rest.remove_prefix(k_scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::string uri = fmt::format("tcp://{}", rest);
  const bool has_port = rest.find(':', rest.starts_with('[') ? rest.find(']') : 0) != std::string_view::npos;
  if (!has_port) uri += ":80";
  auto address = parse_tcp_address(uri);
  if (!address || rest.empty() || rest.find('/') != std::string_view::npos)
    return fail(ErrorArea::usage, "'{}' is not a detector's REST address like http://host or http://host:80",
                text);
  return address;
}

Expected<std::string> http_get(const TcpAddress& server, const std::string& path, Deadline deadline) {
  const auto failed = [&](std::string_view why) {
    return fail(ErrorArea::connection, "http://{}:{}{}: {}", server.host, server.port, path, why);
  };
  auto socket = TcpSocket::connect(server, deadline);
  if (!socket) return failed(socket.error().message);
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}:{}\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
                  path, server.host, server.port);
  if (!socket->send_all(std::as_bytes(std::span(request)), deadline)) return failed("it takes no request");
  std::string bytes;
  std::array<std::byte, 16384> piece;
  for (bool closed = false;;) {
    auto reply = parse_http_reply(bytes, closed);
    if (!reply) return failed(reply.error().message);
    if (*reply) {
      if ((*reply)->status != 200) return failed(fmt::format("it answers with status {}", (*reply)->status));
      return std::move((*reply)->body);
    }
    const auto got = socket->receive(piece, deadline);
    if (got && *got == 0) return failed("it does not answer in time");
    closed = !got;
    if (got) bytes.append(reinterpret_cast<const char*>(piece.data()), *got);
  }
}

}  // namespace bragglive
