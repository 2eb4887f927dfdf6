#include "streams/native/wire.hpp"

#include <cstring>
#include <msgpack.hpp>
#include <random>

#include "tests/catch.hpp"

using namespace bragglive;
using namespace bragglive::native;

namespace {

ScanStart some_start() {
  ScanStart start;
  start.series_id = 42;
  start.scan = {3, 5};
  start.frame = {192, 96};
  start.pixel = PixelType::u32;
  start.encoding = Encoding::bslz4;
  start.expected_frames = 14;
  start.metadata = {{"specimen", "gold"}, {"calibration", "[probe]\nradius = 4"}};
  return start;
}

template <class Fill>
std::vector<std::byte> map_of(std::uint32_t entries, Fill fill) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> pack(buffer);
  pack.pack_map(entries);
  fill(pack);
  std::vector<std::byte> bytes(buffer.size());
  std::memcpy(bytes.data(), buffer.data(), buffer.size());
  return bytes;
}

std::string refusal(std::span<const std::byte> bytes) {
  HeaderParser parser;
  const auto header = parser.parse(bytes);
  return header ? std::string() : header.error().error.message;
}

}  // namespace

TEST_CASE("headers come back as they were packed") {
  HeaderParser parser;
  for (bool repeat : {false, true}) {
    const auto header = parser.parse(pack(StartHeader{some_start(), repeat}));
    REQUIRE(header);
    const auto& back = std::get<StartHeader>(*header);
    CHECK(back.repeat == repeat);
    CHECK(back.start.series_id == 42);
    CHECK(back.start.scan == ScanShape{3, 5});
    CHECK(back.start.frame == FrameShape{192, 96});
    CHECK(back.start.pixel == PixelType::u32);
    CHECK(back.start.encoding == Encoding::bslz4);
    CHECK(back.start.expected_frames == 14);
    CHECK(back.start.metadata == some_start().metadata);
  }
  const auto frame = parser.parse(pack(FrameHeader{42, 7, ~std::uint64_t{0}, 123}));
  REQUIRE(frame);
  CHECK(std::get<FrameHeader>(*frame).scan_index == ~std::uint64_t{0});
  CHECK(std::get<FrameHeader>(*frame).timestamp_ns == 123);
  const auto end = parser.parse(pack(ScanEnd{42, 14}));
  REQUIRE(end);
  CHECK(std::get<ScanEnd>(*end).frames_sent == 14);
}

TEST_CASE("unknown keys of any kind are skipped, metadata numbers become text") {
  const auto bytes = map_of(8, [](auto& pack) {
    pack.pack("future").pack(std::vector<std::map<std::string, int>>{{{"a", 1}}, {{"b", 2}}});
    pack.pack(17).pack("a key that is no text");
    pack.pack("version").pack(1);
    pack.pack("type").pack("scan_start");
    pack.pack("series_id").pack(9);
    pack.pack("scan_shape").pack(std::vector<int>{2, 2});
    pack.pack("detector_shape").pack(std::vector<int>{8, 8});
    pack.pack("pixel_type").pack("uint8");
  });
  HeaderParser parser;
  const auto header = parser.parse(bytes);
  REQUIRE(header);
  CHECK(std::get<StartHeader>(*header).start.encoding == Encoding::none);
}

TEST_CASE("headers that cannot be used are refused in words") {
  CHECK(refusal({}).find("not msgpack") != std::string::npos);
  const auto text = std::as_bytes(std::span("hello, this is not msgpack at all", 33));
  CHECK_FALSE(refusal(text).empty());
  CHECK(refusal(map_of(0, [](auto&) {})).find("no version") != std::string::npos);
  CHECK(refusal(map_of(1, [](auto& p) { p.pack("version").pack(2); })).find("version 2") !=
        std::string::npos);
  CHECK(refusal(map_of(2, [](auto& p) {
          p.pack("version").pack(1);
          p.pack("type").pack("pause");
        })).find("'pause'") != std::string::npos);
  CHECK(refusal(map_of(1, [](auto& p) { p.pack("series_id").pack(-3); })).find("series_id") !=
        std::string::npos);
  for (auto [rows, cols] : {std::pair{0U, 8U}, std::pair{k_max_detector_side + 1, 8U}, std::pair{8U, 0U}}) {
    auto start = some_start();
    start.frame = {rows, cols};
    CHECK(refusal(pack(StartHeader{start})).find("detector_shape") != std::string::npos);
  }
  auto start = some_start();
  start.scan = {1U << 31, 1U << 31};
  CHECK(refusal(pack(StartHeader{start})).find("scan_shape") != std::string::npos);
}

TEST_CASE("a broken frame header still tells its position") {
  const auto bytes = map_of(3, [](auto& pack) {
    pack.pack("version").pack(1);
    pack.pack("type").pack("frame");
    pack.pack("scan_index").pack(31);
  });
  HeaderParser parser;
  const auto header = parser.parse(bytes);
  REQUIRE_FALSE(header);
  CHECK(header.error().scan_index == 31);
}

TEST_CASE("claims of huge maps, arrays and strings are refused without their memory") {
  const auto raw = [](std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (int value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
  };
  CHECK_FALSE(refusal(raw({0xdf, 0xff, 0xff, 0xff, 0xff})).empty());
  CHECK_FALSE(refusal(raw({0x81, 0xa1, 0x61, 0xdd, 0xff, 0xff, 0xff, 0xff})).empty());
  CHECK_FALSE(refusal(raw({0x81, 0xdb, 0xff, 0xff, 0xff, 0xff})).empty());
  CHECK_FALSE(refusal(std::vector<std::byte>(100'000, std::byte{0x91})).empty());  // nested arrays
  std::mt19937 random(5);
  HeaderParser parser;
  const auto good = pack(StartHeader{some_start()});
  std::size_t refused = 0;
  for (int i = 0; i < 20000; ++i) {
    auto bytes = good;
    for (int k = 0; k < 4; ++k) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    if (!parser.parse(bytes)) ++refused;
  }
  CHECK(refused > 0);
}
