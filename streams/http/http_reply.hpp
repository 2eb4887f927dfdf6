// One HTTP/1.1 reply or request as it comes out of a socket, with every size bounded (RFC 9112).
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/frame/error.hpp"

namespace bragglive {

struct HttpReply {
  int status = 0;
  std::string body;
};

constexpr std::size_t k_max_http_header = 16384;
constexpr std::size_t k_max_http_body = std::size_t{8} << 20;

// From the bytes that have come so far. nullopt inside: more is needed. `closed`: nothing more will come,
// which is the end of a body without a length. Lengths and chunked bodies are understood.
Expected<std::optional<HttpReply>> parse_http_reply(std::string_view bytes, bool closed);

// The path of a GET request, e.g. "/detector/api/version"; nullopt inside: more is needed.
Expected<std::optional<std::string>> parse_http_get(std::string_view bytes);

}  // namespace bragglive
