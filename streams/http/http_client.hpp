// GET over plain HTTP, one connection for each: what a detector's REST interface needs.
#pragma once
#include <string>

#include "streams/http/http_reply.hpp"
#include "streams/tcp/tcp_socket.hpp"

namespace bragglive {

// "http://host[:80][/]" or "host[:80]".
Expected<TcpAddress> parse_http_address(const std::string& text);

// The body of a reply with status 200; anything else is an error that says what came instead.
Expected<std::string> http_get(const TcpAddress& server, const std::string& path, Deadline deadline);

}  // namespace bragglive
