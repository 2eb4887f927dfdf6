#include "streams/http/http_reply.hpp"

#include <algorithm>
#include <charconv>

namespace bragglive {
namespace {

constexpr std::string_view k_end_of_header = "\r\n\r\n";

tl::unexpected<Error> no_reply(std::string_view why) {
  return fail(ErrorArea::format, "no HTTP reply that can be read: {}", why);
}

template <class T>
std::optional<T> number_at(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  // Behind it blanks, the end, or a chunk's extension.
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return rest.empty() || rest[0] == ' ' || rest[0] == ';' ? std::optional(value) : std::nullopt;
}

// The value of a header field; empty: there is none.
std::string_view field(std::string_view header, std::string_view name) {
  for (std::size_t at = header.find("\r\n"); at != std::string_view::npos; at = header.find("\r\n", at + 2)) {
    const std::string_view line = header.substr(at + 2, header.find("\r\n", at + 2) - at - 2);
    const bool same = line.size() > name.size() && line[name.size()] == ':' &&
                      std::equal(name.begin(), name.end(), line.begin(),
                                 [](char a, char b) { return (a | 0x20) == (b | 0x20); });
    if (!same) continue;
    std::string_view value = line.substr(name.size() + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    return value;
  }
  return {};
}

// Chunk by chunk: hexadecimal length, line end, bytes, line end; a chunk of 0 ends it.
Expected<std::optional<std::string>> read_chunks(std::string_view bytes) {
  std::string body;
  for (;;) {
    const std::size_t line = bytes.find("\r\n");
    if (line == std::string_view::npos) {
      if (bytes.size() > 64) return no_reply("a chunk's length does not end");
      return std::optional<std::string>{};
    }
    const auto size = number_at<std::size_t>(bytes.substr(0, line), 16);
    if (!size || *size > k_max_http_body - body.size()) return no_reply("a chunk's length is none");
    bytes.remove_prefix(line + 2);
    if (*size == 0) return std::optional(std::move(body));
    if (bytes.size() < *size + 2) return std::optional<std::string>{};
    body += bytes.substr(0, *size);
    if (bytes.substr(*size, 2) != "\r\n") return no_reply("a chunk is longer than it says");
    bytes.remove_prefix(*size + 2);
  }
}

}  // namespace

Expected<std::optional<HttpReply>> parse_http_reply(std::string_view bytes, bool closed) {
  const std::size_t end = bytes.find(k_end_of_header);
  if (end == std::string_view::npos) {
    if (bytes.size() > k_max_http_header) return no_reply("its header is too long");
    if (closed) return no_reply("the connection ended inside it");
    return std::optional<HttpReply>{};
  }
  if (end > k_max_http_header) return no_reply("its header is too long");
  const std::string_view header = bytes.substr(0, end);
  std::string_view body = bytes.substr(end + k_end_of_header.size());
  if (!header.starts_with("HTTP/1.") || header.size() < 12 || header[8] != ' ')
    return no_reply("it does not begin with HTTP/1");
  const auto status = number_at<int>(header.substr(9, 3));
  if (!status || *status < 100) return no_reply("it has no status");
  HttpReply reply;
  reply.status = *status;
  if (field(header, "Transfer-Encoding").starts_with("chunked")) {
    auto whole = read_chunks(body);
    if (!whole) return tl::unexpected(whole.error());
    if (!*whole && closed) return no_reply("the connection ended inside it");
    if (!*whole) return std::optional<HttpReply>{};
    reply.body = std::move(**whole);
    return std::optional(std::move(reply));
  }
  std::size_t size = body.size();
  if (const std::string_view length = field(header, "Content-Length"); !length.empty()) {
    const auto said = number_at<std::size_t>(length);
    if (!said || *said > k_max_http_body) return no_reply("its length is none, or too large");
    size = *said;
  } else if (!closed) {
    if (size > k_max_http_body) return no_reply("it is too long");
    return std::optional<HttpReply>{};
  }
  if (size > k_max_http_body) return no_reply("it is too long");
  if (body.size() < size) {
    if (closed) return no_reply("the connection ended inside it");
    return std::optional<HttpReply>{};
  }
  reply.body = body.substr(0, size);
  return std::optional(std::move(reply));
}

Expected<std::optional<std::string>> parse_http_get(std::string_view bytes) {
  const std::size_t end = bytes.find(k_end_of_header);
  if (end == std::string_view::npos) {
    if (bytes.size() > k_max_http_header) return fail(ErrorArea::format, "a request's header is too long");
    return std::optional<std::string>{};
  }
  constexpr std::string_view k_get = "GET ";
  if (!bytes.starts_with(k_get)) return fail(ErrorArea::format, "a request that is not GET");
  bytes.remove_prefix(k_get.size());
  return std::optional<std::string>(bytes.substr(0, bytes.find_first_of(" \r")));
}

}  // namespace bragglive
