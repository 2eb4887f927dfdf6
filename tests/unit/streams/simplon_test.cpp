// A DECTRIS detector's REST interface: what is made of its answers, honest and other ones.
#include <thread>

#include "streams/dectris/detector_watch.hpp"
#include "streams/dectris/rest_simulator.hpp"
#include "streams/http/http_client.hpp"
#include "tests/catch.hpp"

using namespace bragglive;
using namespace std::chrono_literals;

namespace {

HttpReply reply_of(std::string_view bytes, bool closed = false) {
  const auto reply = parse_http_reply(bytes, closed);
  REQUIRE(reply);
  REQUIRE(*reply);
  return **reply;
}
bool needs_more(std::string_view bytes) {
  const auto reply = parse_http_reply(bytes, false);
  return reply && !*reply;
}

// Takes everything, sends nothing anywhere.
class Nowhere final : public FrameSink {
 public:
  Expected<void> start(const ScanStart&) override { return {}; }
  Expected<void> frame(FrameMessage) override { return {}; }
  Expected<void> end(const ScanEnd&) override { return {}; }
  Expected<void> garbage(std::span<const std::byte>) override { return {}; }
  std::string description() const override { return "nowhere"; }
};

constexpr std::uint16_t k_port = 47193;

ScanStart small_scan() {
  ScanStart start;
  start.series_id = 7;
  start.scan = {4, 6};
  start.frame = {16, 18};
  return start;
}

// A server that answers everything with these bytes, once.
template <class Visit>
void with_server(const std::string& bytes, Visit visit) {
  auto listener = TcpSocket::listen({"127.0.0.1", k_port + 1});
  REQUIRE(listener);
  std::thread server([&] {
    auto client = listener->accept(std::chrono::steady_clock::now() + 5s);
    if (client) client->send_all(std::as_bytes(std::span(bytes)), std::chrono::steady_clock::now() + 5s);
  });
  visit(TcpAddress{"127.0.0.1", k_port + 1});
  server.join();
}

}  // namespace

TEST_CASE("HTTP replies: with a length, in chunks, until the end") {
  CHECK(reply_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more").body == "hello");
  CHECK(reply_of("HTTP/1.1 200 OK\r\ncontent-length:\t5\r\n\r\nhello").body == "hello");
  CHECK(reply_of("HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n").status == 404);
  CHECK(reply_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n")
            .body == "hello");
  CHECK(reply_of("HTTP/1.0 200 OK\r\n\r\nhello", true).body == "hello");
  CHECK(needs_more("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"));
  CHECK(needs_more("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2"));
  CHECK(needs_more("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("HTTP replies that are none are refused, and none is believed to be huge") {
  for (const std::string& bytes :
       {std::string("FTP/1.1 200 OK\r\n\r\n"), std::string("HTTP/1.1 xx OK\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n"),
        std::string(k_max_http_header + 1, 'x')}) {
    CAPTURE(bytes.substr(0, 80));
    CHECK_FALSE(parse_http_reply(bytes, false));
  }
  CHECK_FALSE(parse_http_reply("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", true));
  with_server("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", [](const TcpAddress& server) {
    const auto body = http_get(server, "/x", std::chrono::steady_clock::now() + 2s);
    REQUIRE_FALSE(body);
    CHECK(body.error().message.find("status 503") != std::string::npos);
  });
  with_server("garbage garbage\r\n\r\n", [](const TcpAddress& server) {
    CHECK_FALSE(http_get(server, "/x", std::chrono::steady_clock::now() + 2s));
  });
}

TEST_CASE("REST addresses") {
  CHECK(parse_http_address("http://dcu")->port == 80);
  CHECK(parse_http_address("dcu:8080")->host == "dcu");
  CHECK(parse_http_address("http://10.0.0.1:81/")->port == 81);
  for (const char* wrong : {"", "http://", "http://a/b", "dcu:http", "http://dcu:0"})
    CHECK_FALSE(parse_http_address(wrong));
}

TEST_CASE("the values of a detector's answers") {
  CHECK(*dectris::simplon_value(R"({"value": "ready", "value_type": "string"})") == "ready");
  CHECK(*dectris::simplon_value(R"({"value": 12})") == "12");
  CHECK(dectris::simplon_value(R"({"value": [1, 2]})")->empty());
  CHECK_FALSE(dectris::simplon_value("[]"));
  CHECK_FALSE(dectris::simplon_value("{\"value\": "));
  // Pixels 1 and 5 of 2 x 3, as little-endian u32 in base64.
  const std::string mask =
      R"({"value": {"__darray__": [1,0,0], "type": "<u4", "shape": [3, 2], "filters": ["base64"],
                               "data": "AAAAAAEAAAAAAAAAAAAAAAAAAAACAAAA"}})";
  CHECK(dectris::simplon_mask(mask, {2, 3}) == "1,5");
  CHECK(dectris::simplon_mask(mask, {3, 2}).empty());
  CHECK(dectris::simplon_mask(R"({"value": {"type": "<u4", "shape": [3, 2], "data": "AAAA"}})", {2, 3})
            .empty());
  CHECK(dectris::simplon_mask("{}", {2, 3}).empty());
}

TEST_CASE("a simulated detector tells what it sends and what it dropped") {
  auto sink = dectris::with_rest(std::make_unique<Nowhere>(), k_port, true);
  REQUIRE(sink);
  REQUIRE((*sink)->start(small_scan()));
  dectris::Simplon detector({"127.0.0.1", k_port});
  const auto settings = detector.settings();
  REQUIRE(settings);
  CHECK(settings->api_version == "1.8.0");
  CHECK(settings->frame == FrameShape{16, 18});
  CHECK(settings->bit_depth == 16);
  CHECK(settings->images == 24);
  CHECK(settings->stream_format == "cbor");
  CHECK(settings->state == "acquire");
  CHECK(dectris::difference(*settings, small_scan()).empty());
  for (const std::uint64_t index : {0, 1, 4, 5}) {
    FrameMessage frame;
    frame.scan_index = index;
    REQUIRE((*sink)->frame(std::move(frame)));
  }
  CHECK(detector.stream_status()->dropped == 2);
  REQUIRE((*sink)->end({7, 4}));
  CHECK(detector.settings()->state == "idle");

  std::mutex mutex;
  std::string said;
  dectris::DetectorWatch watch({"127.0.0.1", k_port}, false, [&](LogLevel, std::string_view text) {
    const std::lock_guard lock(mutex);
    said += std::string(text) + "\n";
  });
  ScanStart other = small_scan();
  other.frame = {16, 16};
  watch.series(other);
  const auto has_said = [&](const char* text) {
    const std::lock_guard lock(mutex);
    return said.find(text) != std::string::npos;
  };
  for (int i = 0; i < 300 && !(has_said("16 x 18") && watch.dropped()); ++i)
    std::this_thread::sleep_for(10ms);
  CHECK(watch.dropped() == 2);
  CHECK(has_said("has dropped 2 images"));
  CHECK(has_said("set to 16 x 18 pixels, the stream brings 16 x 16"));
  CHECK(has_said("speaks 'cbor', protocol dectris1 needs 'legacy'"));
}

TEST_CASE("a series that is not what the detector is set to is told in words") {
  dectris::DetectorSettings settings;
  CHECK(dectris::difference(settings, small_scan()).empty());  // it says nothing: nothing is wrong
  settings.frame = {16, 18};
  settings.bit_depth = 32;
  CHECK(dectris::difference(settings, small_scan()).find("32 bit") != std::string::npos);
  settings.bit_depth = 16;
  settings.images = 25;
  CHECK(dectris::difference(settings, small_scan()).find("25 images") != std::string::npos);
}

TEST_CASE("a detector without REST is received all the same, and that is said once") {
  std::atomic<int> said{0};
  dectris::DetectorWatch watch({"127.0.0.1", 1}, true, [&](LogLevel, std::string_view) { ++said; });
  watch.series(small_scan());
  for (int i = 0; i < 100 && said == 0; ++i) std::this_thread::sleep_for(10ms);
  std::this_thread::sleep_for(200ms);
  CHECK(said == 1);
  CHECK_FALSE(watch.dropped());
}
