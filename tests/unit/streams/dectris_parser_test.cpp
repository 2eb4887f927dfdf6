// Stream v2 messages of every legal and illegal kind.
#include <cmath>
#include <cstring>
#include <random>

#include "streams/codec/codec.hpp"
#include "streams/dectris/cbor_reader.hpp"
#include "streams/dectris/cbor_writer.hpp"
#include "streams/dectris/messages.hpp"
#include "streams/dectris/series_assembler.hpp"
#include "streams/recordings/mapped_file.hpp"
#include "tests/catch.hpp"

using namespace bragglive;
using namespace bragglive::dectris;

namespace {

using Bytes = std::vector<std::byte>;

Bytes raw(std::initializer_list<int> values) {
  Bytes bytes;
  for (int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

void array2(CborWriter& cbor, std::uint64_t rows, std::uint64_t cols, std::uint64_t tag, const Bytes& bytes) {
  cbor.tag(40).array(2).array(2).number(rows).number(cols).tag(tag).bytes(bytes);
}

// Three channels as a detector with two thresholds and their difference sends them.
Bytes three_channels(std::uint64_t number, const Bytes& first, const Bytes& second) {
  Bytes packed;
  static_cast<void>(encode_bslz4(second, 2, packed));
  CborWriter cbor;
  cbor.tag(55799)
      .map(5)
      .text("type")
      .text("image")
      .text("series_id")
      .number(3)
      .text("image_id")
      .number(number);
  cbor.text("start_time").array(2).number(100'000'000).number(50'000'000);
  cbor.text("data").map(3);
  cbor.text("difference");
  array2(cbor, 4, 4, 69, Bytes(32, std::byte{0xff}));
  cbor.text("threshold_1");
  array2(cbor, 4, 4, 69, first);
  cbor.text("threshold_2")
      .tag(40)
      .array(2)
      .array(2)
      .number(4)
      .number(4)
      .tag(69)
      .tag(56500)
      .array(3)
      .text("bslz4")
      .number(2)
      .bytes(packed);
  return cbor.take();
}

Bytes start_message(std::uint64_t images = 4) {
  CborWriter cbor;
  cbor.map(9).text("type").text("start").text("series_id").number(3).text("number_of_images").number(images);
  cbor.text("channels").array(3).text("threshold_1").text("threshold_2").text("difference");
  cbor.text("goniometer").map(1).text("chi").map(1).text("start").real(1.5);  // skipped
  cbor.text("incident_energy").real(3e5).text("flatfield_enabled").boolean(true);
  cbor.text("arm_date").tag(0).text("2026-01-01T00:00:00Z");
  cbor.text("user_data").array(2).number(7).map(1).text("deep").array(0);
  return cbor.take();
}

std::vector<SourceEvent> events_of(const SourceOptions& options, const std::vector<Bytes>& messages) {
  SeriesAssembler assembler(options);
  std::vector<SourceEvent> events;
  for (const Bytes& bytes : messages) {
    auto message = parse_stream2(bytes);
    if (!message) {
      assembler.on_broken(message.error());
    } else {
      assembler.on(std::move(*message), [](std::span<const std::byte> b) {
        return own({b.begin(), b.end()});
      });
    }
    while (!assembler.empty()) events.push_back(assembler.pop());
  }
  return events;
}

std::string refusal(const Bytes& bytes) {
  const auto message = parse_stream2(bytes);
  return message ? std::string() : message.error().error.message;
}

}  // namespace

TEST_CASE("CBOR numbers of every width") {
  for (const auto& [bytes, expected] :
       {std::pair{raw({0x17}), 23.0}, std::pair{raw({0x18, 0xff}), 255.0},
        std::pair{raw({0x38, 0x63}), -100.0}, std::pair{raw({0xf9, 0x3e, 0x00}), 1.5},
        std::pair{raw({0xfa, 0x47, 0xc3, 0x50, 0x00}), 100000.0},
        std::pair{raw({0xfb, 0xc0, 0x10, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66}), -4.1}}) {
    CborReader reader(bytes);
    CHECK(reader.read_number() == expected);
    CHECK(reader.ok());
    CHECK(reader.at_end());
  }
  const Bytes infinite = raw({0xf9, 0x7c, 0x00}), nan = raw({0xf9, 0x7e, 0x00});
  CHECK(std::isinf(CborReader(infinite).read_number()));
  CHECK(std::isnan(CborReader(nan).read_number()));
}

TEST_CASE("CBOR: skip passes over everything, and over nothing that is broken") {
  const Bytes fine =
      raw({0x9f, 0x01, 0xbf, 0x61, 0x61, 0xf6, 0xff, 0x5f, 0x41, 0x00, 0xff, 0xd8, 0x20, 0x60, 0xff, 0x05});
  CborReader reader(fine);
  reader.skip();
  CHECK(reader.read_unsigned() == 5);
  CHECK(reader.ok());
  for (const Bytes& broken :
       {raw({0x9f, 0x01}), raw({0x82, 0x01}), raw({0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
        raw({0xff}), raw({0x1c}), raw({0x3f}), raw({0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
        Bytes(5000, std::byte{0x81}), Bytes(5000, std::byte{0xc1})}) {
    CborReader damaged(broken);
    damaged.skip();
    CHECK_FALSE(damaged.ok());
  }
}

TEST_CASE("stream v2: thresholds are chosen by name") {
  Bytes first(32), second(32);
  for (std::size_t i = 0; i < 32; ++i)
    first[i] = static_cast<std::byte>(i), second[i] = static_cast<std::byte>(100 + i);
  const auto pixels = [&](const std::string& channel) {
    SourceOptions options;
    options.channel = channel;
    const auto events = events_of(options, {start_message(), three_channels(0, first, second)});
    REQUIRE(events.size() == 2);
    const auto& start = std::get<ScanStart>(events[0]);
    CHECK(start.expected_frames == 4);
    CHECK(start.metadata.at("incident_energy") == "300000");
    CHECK(start.metadata.at("flatfield_enabled") == "true");
    CHECK(start.metadata.at("arm_date") == "2026-01-01T00:00:00Z");
    Bytes out(32);
    REQUIRE(decode_payload(start.encoding, start.frame, start.pixel,
                           std::get<FrameMessage>(events[1]).payload.bytes(), out));
    return out;
  };
  CHECK(pixels("") == first);
  CHECK(pixels("threshold_1") == first);
  CHECK(pixels("threshold_2") == second);
  CHECK(pixels("difference") == Bytes(32, std::byte{0xff}));
  SourceOptions options;
  options.channel = "threshold_9";
  const auto events = events_of(options, {start_message(), three_channels(2, first, second)});
  const auto& bad = std::get<BadMessage>(events.at(0));
  CHECK(bad.scan_index == 2);
  CHECK(bad.error.message.find("difference, threshold_1, threshold_2") != std::string::npos);
}

TEST_CASE("stream v2: big-endian arrays, unknown keys and tags, Jungfraujoch's messages") {
  CborWriter cbor;
  cbor.map(6)
      .text("type")
      .text("image")
      .text("spots")
      .tag(999)
      .array(1)
      .map(0)
      .text("series_id")
      .number(3)
      .text("image_id")
      .number(1);
  cbor.text("user_data").text("hello").text("data").map(2).text("odd").tag(86).bytes(Bytes(16)).text("only");
  array2(cbor, 1, 2, 65, raw({1, 2, 3, 4}));
  const auto events = events_of({}, {start_message(), cbor.take()});
  const auto& frame = std::get<FrameMessage>(events.at(1)).payload.bytes();
  CHECK(Bytes(frame.begin(), frame.end()) == raw({2, 1, 4, 3}));
  CborWriter calibration;
  calibration.map(1).text("type").text("calibration");
  CHECK(events_of({}, {calibration.take()}).empty());
}

TEST_CASE("stream v2: messages that cannot be used are refused in words") {
  CHECK(refusal({}).find("without a type") != std::string::npos);
  CHECK_FALSE(refusal(raw({0xa0})).empty());
  CHECK_FALSE(refusal(raw({0xd9, 0xd9, 0xf7, 0x80})).empty());
  CborWriter unknown;
  unknown.map(1).text("type").text("dance");
  CHECK(refusal(unknown.take()).find("'dance'") != std::string::npos);
  CborWriter huge;
  huge.map(4)
      .text("type")
      .text("image")
      .text("series_id")
      .number(1)
      .text("image_id")
      .number(6)
      .text("data")
      .map(1)
      .text("c");
  array2(huge, 1ULL << 40, 1ULL << 40, 69, Bytes(8));
  CHECK(refusal(huge.take()).find("no pixels") != std::string::npos);
  const Bytes good = three_channels(0, Bytes(32), Bytes(32));
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    CHECK_FALSE(refusal({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(cut)}).empty());
}

TEST_CASE("stream v2: noise in messages is survived") {
  std::mt19937 random(2);
  const std::vector<Bytes> good = {start_message(), three_channels(0, Bytes(32), Bytes(32))};
  std::size_t refused = 0;
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes = good[static_cast<std::size_t>(i) % 2];
    for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    for (const auto& event : events_of({}, {good[0], bytes}))
      refused += std::holds_alternative<BadMessage>(event) ? 1 : 0;
  }
  CHECK(refused > 0);
}
