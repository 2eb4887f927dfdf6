// A detector's REST interface: the reply as it comes out of the socket, and the JSON inside.
#include "streams/dectris/simplon.hpp"
#include "streams/http/http_reply.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool closed : {false, true}) {
    const auto reply = parse_http_reply(text, closed);
    if (!reply || !*reply) continue;
    static_cast<void>(dectris::simplon_value((*reply)->body));
    static_cast<void>(dectris::simplon_mask((*reply)->body, {2, 3}));
  }
  static_cast<void>(parse_http_get(text));
  static_cast<void>(dectris::simplon_value(text));
  static_cast<void>(dectris::simplon_mask(text, {2, 3}));
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  std::vector<Bytes> seeds;
  for (const std::string_view text :
       {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"value\": 5}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"valu\r\n6\r\ne\": 5}\r\n0\r\n\r\n",
        "GET /detector/api/version HTTP/1.1\r\nHost: a\r\n\r\n",
        "{\"value\": \"ready\", \"value_type\": \"string\"}",
        "{\"value\": {\"__darray__\": [1,0,0], \"type\": \"<u4\", \"shape\": [3, 2], \"filters\": "
        "[\"base64\"], \"data\": "
        "\"AAAAAAEAAAAAAAAAAAAAAAAAAAACAAAA\"}}"}) {
    const auto bytes = std::as_bytes(std::span(text));
    seeds.emplace_back(bytes.begin(), bytes.end());
  }
  return seeds;
}
