// CrystFEL's msgpack images: as they may come, and over a socket.
#include "streams/crystfel/crystfel.hpp"

#include <unistd.h>

#include <cstring>
#include <future>
#include <msgpack.hpp>
#include <thread>
#include <zmq.hpp>

#include "streams/recordings/mapped_file.hpp"
#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;
using namespace bragglive::crystfel;
using namespace std::chrono_literals;

namespace {

using Bytes = std::vector<std::byte>;

Bytes packed(const std::function<void(msgpack::packer<msgpack::sbuffer>&)>& write) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> pack(buffer);
  write(pack);
  Bytes bytes(buffer.size());
  std::memcpy(bytes.data(), buffer.data(), buffer.size());
  return bytes;
}

// As CrystFEL's documentation has it; `rows` may lie.
Bytes crystfel_image(const char* type, std::uint32_t rows, const std::string& data, bool in_array) {
  return packed([&](auto& pack) {
    if (in_array) pack.pack_array(1);
    pack.pack_map(3);
    pack.pack("beam_energy").pack(9500.5);
    pack.pack("event_id").pack("run1//3");
    pack.pack("detector_data").pack_map(3);
    pack.pack("type").pack(type);
    pack.pack("shape").pack_array(2).pack(rows).pack(3);
    pack.pack("data").pack_bin(static_cast<std::uint32_t>(data.size()));
    pack.pack_bin_body(data.data(), static_cast<std::uint32_t>(data.size()));
  });
}

std::string endpoint(const char* name) {
  return fmt::format("ipc:///tmp/bragglive-crystfel-{}-{}", ::getpid(), name);
}

}  // namespace

TEST_CASE("CrystFEL images: a map or an array of maps, any number type") {
  for (const bool in_array : {false, true}) {
    const auto ints = parse_image(
        crystfel_image("<i4", 2, bytes_of(std::vector<std::int32_t>{-1, 2, 3, 4, 5, 6}), in_array));
    REQUIRE(ints);
    CHECK(ints->frame == FrameShape{2, 3});
    CHECK(ints->pixel == PixelType::f32);
    float value = 0;
    std::memcpy(&value, ints->pixels.data(), 4);
    CHECK(value == -1);
    CHECK(ints->metadata.at("beam_energy") == "9500.5");
    CHECK(ints->metadata.at("event_id") == "run1//3");
    CHECK_FALSE(ints->frame_number);
  }
  CHECK(parse_image(crystfel_image("<u2", 2, std::string(12, 'x'), false))->pixel == PixelType::u16);
}

TEST_CASE("CrystFEL messages that are none") {
  const auto said = [](const Bytes& bytes) {
    const auto image = parse_image(bytes);
    return image ? std::string("image") : image.error().message;
  };
  CHECK(said(crystfel_image("<u2", 3, std::string(12, 'x'), false)).find("12 bytes are no image of 3x3") !=
        std::string::npos);
  CHECK(said(crystfel_image("<c8", 2, "", false)).find("'<c8'") != std::string::npos);
  CHECK(said(crystfel_image("<u2", 100'000, "", false)).find("between 1 and") != std::string::npos);
  CHECK(said({std::byte{0x80}, std::byte{2}, std::byte{'}'}, std::byte{'q'}}).find("pickle") !=
        std::string::npos);
  CHECK(said({std::byte{0xc1}}).find("not msgpack") != std::string::npos);
  CHECK(said(Bytes(40, std::byte{0x91})).find("msgpack") != std::string::npos);
  Bytes cut = crystfel_image("<u2", 2, std::string(12, 'x'), false);
  for (std::size_t size = 0; size < cut.size(); ++size) CHECK_FALSE(parse_image(std::span(cut).first(size)));
}

TEST_CASE("a scan over CrystFEL's publish socket, twice, with garbage between") {
  const std::string at = endpoint("pub");
  auto sender = std::async(std::launch::async, [&] {
    auto sink = open_sink(at, {"crystfel", 10000ms, {}});
    must(sink.has_value());
    for (std::uint64_t series : {5, 6}) {
      ScanStart start;
      start.series_id = series;
      start.scan = {2, 2};
      start.frame = {4, 4};
      must((*sink)->start(start).has_value());
      for (std::uint64_t i = 0; i < 4; ++i) {
        FrameMessage frame;
        frame.series_id = series;
        frame.scan_index = frame.frame_number = i;
        frame.payload = own(Bytes(32, static_cast<std::byte>(10 * series + i)));
        must((*sink)->frame(std::move(frame)).has_value());
        if (i == 1) must((*sink)->garbage({}).has_value());
      }
    }
    std::this_thread::sleep_for(300ms);
  });
  SourceOptions options;
  options.protocol = "crystfel";
  options.scan = ScanShape{2, 2};
  auto source = open_source(at, options);
  REQUIRE(source);
  for (std::uint64_t series : {5, 6}) {
    const auto scan = collect(**source);
    CHECK(scan.start.series_id == series);
    CHECK(scan.bad.size() == 1);
    CHECK(scan.ended);
    REQUIRE(scan.frames.size() == 4);
    CHECK(scan.frames.at(3) == Bytes(32, static_cast<std::byte>(10 * series + 3)));
  }
  sender.get();
}

TEST_CASE("images are asked for, again after silence, and numbered as they come") {
  const std::string at = endpoint("req");
  zmq::context_t context;
  zmq::socket_t server(context, zmq::socket_type::router);
  server.set(zmq::sockopt::rcvtimeo, 8000);
  server.bind(at);
  auto answering = std::async(std::launch::async, [&] {
    for (int i = 0; i < 4; ++i) {
      zmq::message_t who, empty, what;
      for (auto* part : {&who, &empty, &what}) must(server.recv(*part).has_value());
      must(what.to_string() == "next");
      if (i == 1) continue;  // an answer that got lost
      const Bytes image =
          i == 0 ? Bytes(3) : crystfel_image("<u2", 2, std::string(12, 'a'), true);  // keep-alive
      server.send(who, zmq::send_flags::sndmore);
      server.send(empty, zmq::send_flags::sndmore);
      server.send(zmq::buffer(image));
    }
  });
  SourceOptions options;
  options.protocol = "crystfel";
  options.scan = ScanShape{1, 2};
  auto source = open_source(at + "?socket=req&connect", options);
  REQUIRE(source);
  const auto scan = collect(**source);
  CHECK(scan.ended);
  CHECK(scan.frames.size() == 2);
  CHECK(scan.start.metadata.at("event_id") == "run1//3");
  answering.get();
}

TEST_CASE("a CrystFEL source wants the scan's shape and a socket that it knows") {
  SourceOptions options;
  options.protocol = "crystfel";
  CHECK(open_error("tcp://localhost:1", options).find("give --scan") != std::string::npos);
  options.scan = ScanShape{1, 1};
  CHECK(open_error("tcp://localhost:1?socket=pull", options).find("'sub' or 'req'") != std::string::npos);
}
