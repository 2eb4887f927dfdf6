// Receiver and sender over real sockets, and what a receiver makes of messages that no honest sender sends.
#include <thread>
#include <zmq.hpp>

#include "streams/frame_sink.hpp"
#include "streams/native/receiver.hpp"
#include "streams/native/sender.hpp"
#include "streams/native/wire.hpp"
#include "tests/catch.hpp"

using namespace bragglive;
using namespace std::chrono_literals;

namespace {

constexpr FrameShape k_frame{16, 16};

ScanStart start_of(std::uint64_t series) {
  ScanStart start;
  start.series_id = series;
  start.scan = {2, 3};
  start.frame = k_frame;
  start.pixel = PixelType::u16;
  start.metadata["who"] = "test";
  return start;
}

std::vector<std::byte> pixels_of(std::uint64_t number, std::size_t bytes = k_frame.pixels() * 2) {
  return std::vector<std::byte>(bytes, static_cast<std::byte>(number + 1));
}

Payload owned(std::vector<std::byte> bytes) {
  return Payload(
      std::move(bytes),
      +[](const std::vector<std::byte>& owner) { return std::span<const std::byte>(owner); });
}

FrameMessage frame_of(std::uint64_t series, std::uint64_t index) {
  FrameMessage frame;
  frame.series_id = series;
  frame.frame_number = frame.scan_index = index;
  frame.timestamp_ns = 5;
  frame.payload = owned(pixels_of(index));
  return frame;
}

std::string fresh_ipc() {
  static int number = 0;
  return fmt::format("ipc:///tmp/bragglive-test-{}-{}", ::getpid(), ++number);
}

struct Ends {
  std::unique_ptr<FrameSource> source;
  std::unique_ptr<FrameSink> sink;
};

Ends open_pair(const std::string& options = {}, const std::string& receiver_options = {}) {
  const std::string address = fresh_ipc();
  SinkOptions sink_options;
  sink_options.patience = 5s;
  auto sink = open_sink(address + options, sink_options);
  REQUIRE(sink);
  auto source = open_source(address + receiver_options, {});
  REQUIRE(source);
  return {std::move(*source), std::move(*sink)};
}

// A bare socket that can send anything.
struct Wild {
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::push};
  std::unique_ptr<FrameSource> source;
  Wild() {
    const std::string address = fresh_ipc();
    socket.bind(address);
    source = std::move(*open_source(address, {}));
  }
  void send(std::initializer_list<std::vector<std::byte>> parts) {
    std::size_t left = parts.size();
    for (const auto& part : parts)
      socket.send(zmq::buffer(part.data(), part.size()),
                  --left == 0 ? zmq::send_flags::none : zmq::send_flags::sndmore);
  }
  SourceEvent next() { return source->next(2s); }
};

}  // namespace

TEST_CASE("a scan arrives as it was sent") {
  for (const auto& [send_kind, receive_kind] : {std::pair{"", ""}, std::pair{"?socket=pub", "?socket=sub"}}) {
    CAPTURE(send_kind);
    Ends ends = open_pair(send_kind, receive_kind);
    CHECK(std::holds_alternative<Idle>(ends.source->next(0ms)));
    CHECK(ends.source->live());
    REQUIRE(ends.sink->start(start_of(7)));
    for (std::uint64_t i = 0; i < 6; ++i) REQUIRE(ends.sink->frame(frame_of(7, i)));
    REQUIRE(ends.sink->end({7, 6}));
    const auto start = ends.source->next(2s);
    REQUIRE(std::holds_alternative<ScanStart>(start));
    CHECK(std::get<ScanStart>(start).metadata.at("who") == "test");
    for (std::uint64_t i = 0; i < 6; ++i) {
      auto event = ends.source->next(2s);
      REQUIRE(std::holds_alternative<FrameMessage>(event));
      const auto& frame = std::get<FrameMessage>(event);
      CHECK(frame.scan_index == i);
      CHECK(frame.timestamp_ns == 5);
      const auto bytes = frame.payload.bytes();
      CHECK(std::vector<std::byte>(bytes.begin(), bytes.end()) == pixels_of(i));
    }
    const auto end = ends.source->next(2s);
    REQUIRE(std::holds_alternative<ScanEnd>(end));
    CHECK(std::get<ScanEnd>(end).frames_sent == 6);
  }
}

TEST_CASE("pixels lie in the message that brought them") {
  Ends ends = open_pair();
  REQUIRE(ends.sink->start(start_of(1)));
  REQUIRE(ends.sink->frame(frame_of(1, 0)));
  REQUIRE(std::holds_alternative<ScanStart>(ends.source->next(2s)));
  auto event = ends.source->next(2s);
  REQUIRE(std::holds_alternative<FrameMessage>(event));
  const std::byte* before = std::get<FrameMessage>(event).payload.bytes().data();
  const SourceEvent moved = std::move(event);
  CHECK(std::get<FrameMessage>(moved).payload.bytes().data() == before);
}

TEST_CASE("the scan shape can be overridden") {
  const std::string address = fresh_ipc();
  auto sink = open_sink(address, {});
  SourceOptions options;
  options.scan = ScanShape{1, 6};
  auto source = open_source(address, options);
  REQUIRE(source);
  REQUIRE((*sink)->start(start_of(1)));
  const auto event = (*source)->next(2s);
  REQUIRE(std::holds_alternative<ScanStart>(event));
  CHECK(std::get<ScanStart>(event).scan == ScanShape{1, 6});
}

TEST_CASE("messages that make no sense become bad messages and the stream goes on") {
  Wild wild;
  const auto start = native::pack(native::StartHeader{start_of(1)});
  const auto header = native::pack(native::FrameHeader{1, 4, 4, 0});
  const auto bad = [&] {
    auto event = wild.next();
    REQUIRE(std::holds_alternative<BadMessage>(event));
    return std::get<BadMessage>(std::move(event));
  };
  wild.send({header, pixels_of(4)});  // before any start
  CHECK(bad().error.message.find("before any scan start") != std::string::npos);
  wild.send({start});
  REQUIRE(std::holds_alternative<ScanStart>(wild.next()));
  wild.send({{std::byte{0xc1}}});  // no msgpack
  CHECK_FALSE(bad().scan_index);
  wild.send({{}});
  CHECK_FALSE(bad().scan_index);
  wild.send({header});  // no pixels
  CHECK(bad().scan_index == 4);
  wild.send({header, pixels_of(4), {}});  // a part too many
  CHECK(bad().scan_index == 4);
  for (std::size_t size : {0U, 511U, 513U, 100'000U}) {
    wild.send({header, pixels_of(4, size)});
    const auto message = bad();
    CHECK(message.scan_index == 4);
    CHECK(message.error.message.find("512") != std::string::npos);
  }
  wild.send({{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}});  // more parts than are kept
  bad();
  wild.send({header, pixels_of(4)});
  auto event = wild.next();
  REQUIRE(std::holds_alternative<FrameMessage>(event));
  CHECK(std::get<FrameMessage>(event).payload.bytes().size() == 512);
}

TEST_CASE("oversized compressed frames are refused by their bound") {
  Wild wild;
  auto start = start_of(1);
  start.encoding = Encoding::bslz4;
  wild.send({native::pack(native::StartHeader{start})});
  REQUIRE(std::holds_alternative<ScanStart>(wild.next()));
  wild.send({native::pack(native::FrameHeader{1, 0, 0, 0}), pixels_of(0, 5000)});
  const auto event = wild.next();
  REQUIRE(std::holds_alternative<BadMessage>(event));
  CHECK(std::get<BadMessage>(event).error.message.find("at most") != std::string::npos);
}

TEST_CASE("repeated starts serve those who come late and nobody else") {
  Wild wild;
  const auto repeat = native::pack(native::StartHeader{start_of(3), true});
  wild.send({repeat});  // late: the first that comes
  REQUIRE(std::holds_alternative<ScanStart>(wild.next()));
  wild.send({repeat});
  wild.send({native::pack(native::FrameHeader{3, 5, 5, 0}), pixels_of(5)});
  REQUIRE(std::holds_alternative<FrameMessage>(wild.next()));  // the repeat said nothing new
  wild.send({native::pack(ScanEnd{3, 6})});
  REQUIRE(std::holds_alternative<ScanEnd>(wild.next()));
  wild.send({repeat});
  wild.send({native::pack(native::StartHeader{start_of(3)})});  // a true start of the same series
  REQUIRE(std::holds_alternative<ScanStart>(wild.next()));
  wild.send({native::pack(native::StartHeader{start_of(4)})});  // a second one in the middle
  auto event = wild.next();
  REQUIRE(std::holds_alternative<ScanStart>(event));
  CHECK(std::get<ScanStart>(event).series_id == 4);
  wild.send(
      {native::pack(native::FrameHeader{3, 1, 1, 0}), pixels_of(1, 9)});  // stale: its size is not judged
  event = wild.next();
  REQUIRE(std::holds_alternative<FrameMessage>(event));
  CHECK(std::get<FrameMessage>(event).series_id == 3);
}

TEST_CASE("a sender that dies in mid-scan may come back") {
  const std::string address = fresh_ipc();
  SinkOptions options;
  options.patience = 5s;
  auto source = open_source(address, {});
  REQUIRE(source);
  for (std::uint64_t series : {1U, 2U}) {
    auto sink = open_sink(address, options);
    REQUIRE(sink);
    REQUIRE((*sink)->start(start_of(series)));
    REQUIRE((*sink)->frame(frame_of(series, 0)));
    SourceEvent event = (*source)->next(5s);
    REQUIRE(std::holds_alternative<ScanStart>(event));
    CHECK(std::get<ScanStart>(event).series_id == series);
    REQUIRE(std::holds_alternative<FrameMessage>((*source)->next(5s)));
    sink->reset();  // no end
    CHECK(std::holds_alternative<Idle>((*source)->next(50ms)));
  }
}

TEST_CASE("the start is repeated every second") {
  Ends ends = open_pair();
  REQUIRE(ends.sink->start(start_of(1)));
  std::this_thread::sleep_for(1100ms);
  REQUIRE(ends.sink->frame(frame_of(1, 0)));
  REQUIRE(std::holds_alternative<ScanStart>(ends.source->next(2s)));
  REQUIRE(std::holds_alternative<FrameMessage>(ends.source->next(2s)));  // the repeat is swallowed
  SUCCEED();
}

TEST_CASE("endpoints that cannot be opened say why") {
  const auto message = [](const std::string& uri, const std::string& protocol = "native") {
    SourceOptions options;
    options.protocol = protocol;
    const auto source = open_source(uri, options);
    return source ? std::string() : source.error().message;
  };
  zmq::context_t context(1);
  zmq::socket_t taken(context, zmq::socket_type::push);
  taken.bind("tcp://127.0.0.1:*");
  const std::string address = taken.get(zmq::sockopt::last_endpoint);
  CHECK(message(address + "?bind").find("another program") != std::string::npos);
  CHECK(message("tcp://192.0.2.1:5555?bind").find("no such address") != std::string::npos);
  CHECK_FALSE(message("tcp://nonsense").empty());
  CHECK(message("tcp://127.0.0.1:5555?frob").find("frob") != std::string::npos);
  CHECK(message("tcp://127.0.0.1:5555?hwm=0").find("hwm") != std::string::npos);
  CHECK(message("tcp://127.0.0.1:5555?socket=rep").find("'pull' or 'sub'") != std::string::npos);
  CHECK(message("tcp://127.0.0.1:5555", "morse").find("native") != std::string::npos);
  CHECK(message("").find("no source") != std::string::npos);
  CHECK(message("demo:gold").find("demo") != std::string::npos);
}

TEST_CASE("with the same text on both sides the ends meet in either order") {
  // A free port, found by asking for any.
  std::string address;
  {
    zmq::context_t context(1);
    zmq::socket_t probe(context, zmq::socket_type::push);
    probe.bind("tcp://127.0.0.1:*");
    address = probe.get(zmq::sockopt::last_endpoint);
  }
  const std::string port = address.substr(address.rfind(':'));
  const auto exchange = [](FrameSource& source, FrameSink& sink) {
    REQUIRE(sink.start(start_of(1)));
    REQUIRE(std::holds_alternative<ScanStart>(source.next(3s)));
  };
  SinkOptions options;
  options.patience = 3s;
  {
    auto source = open_source(address, {});
    auto sink = open_sink(address, options);
    exchange(**source, **sink);
  }
  {
    auto source =
        open_source("tcp://*" + port, {});  // binds, so the sender finds the port taken and connects
    REQUIRE(source);
    auto sink = open_sink(address, options);
    REQUIRE(sink);
    exchange(**source, **sink);
  }
}

TEST_CASE("a sender without a receiver gives up in words") {
  SinkOptions options;
  options.patience = 200ms;
  for (const std::string kind : {"", "?socket=pub", "?connect"}) {
    auto sink = open_sink(fresh_ipc() + kind, options);
    REQUIRE(sink);
    const auto sent = (*sink)->start(start_of(1));
    REQUIRE_FALSE(sent);
    CHECK(sent.error().message.find("no receiver") != std::string::npos);
  }
}

TEST_CASE("a receiver that leaves after the last frame is no failure of the sender") {
  for (const char* kind : {"", "?socket=pub"}) {
    Ends ends = open_pair(kind, *kind != '\0' ? "?socket=sub" : "");
    REQUIRE(ends.sink->start(start_of(1)));
    REQUIRE(ends.sink->frame(frame_of(1, 0)));
    REQUIRE(std::holds_alternative<ScanStart>(ends.source->next(2s)));
    REQUIRE(std::holds_alternative<FrameMessage>(ends.source->next(2s)));
    ends.source.reset();
    std::this_thread::sleep_for(100ms);
    const auto before = std::chrono::steady_clock::now();
    CHECK(ends.sink->end({1, 1}));
    CHECK(std::chrono::steady_clock::now() - before < 2s);
  }
}
