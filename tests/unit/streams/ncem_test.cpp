// 4D Camera: frames from sectors, and what becomes of frames whose sectors are lost.
#include <unistd.h>

#include <array>
#include <thread>
#include <zmq.hpp>

#include "streams/frame_sink.hpp"
#include "streams/ncem/counted_batch.hpp"
#include "streams/ncem/sector_assembler.hpp"
#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;
using namespace bragglive::ncem;
using namespace std::chrono_literals;

namespace {

using Bytes = std::vector<std::byte>;
const auto k_now = SectorAssembler::Clock::time_point{} + 100s;

SectorHeader sector(std::uint64_t frame, std::uint32_t module, std::uint64_t scan = 7) {
  SectorHeader header;
  header.scan_number = scan;
  header.frame_number = frame;
  header.rows = 2;
  header.cols = 3;
  header.row = static_cast<std::uint32_t>(frame / 3);
  header.col = static_cast<std::uint32_t>(frame % 3);
  header.module = module;
  return header;
}

Bytes pixels(std::uint64_t frame, std::uint32_t module) {
  return Bytes(k_sector_bytes, static_cast<std::byte>(16 * frame + module));
}

std::vector<SourceEvent> drain(SectorAssembler& assembler) {
  std::vector<SourceEvent> events;
  while (!assembler.empty()) events.push_back(assembler.pop());
  return events;
}

}  // namespace

TEST_CASE("4D Camera: sectors in any order become whole frames") {
  SectorAssembler assembler({});
  assembler.on(pack(sector(0, 3)), pixels(0, 3), k_now);
  for (std::uint32_t module : {2U, 0U, 1U, 3U}) {
    if (module != 3) assembler.on(pack(sector(0, module)), pixels(0, module), k_now);
    assembler.on(pack(sector(4, module)), pixels(4, module), k_now);
  }
  const auto events = drain(assembler);
  REQUIRE(events.size() == 3);
  CHECK(std::get<ScanStart>(events[0]).scan == ScanShape{2, 3});
  const auto& frame = std::get<FrameMessage>(events[2]);
  CHECK(frame.scan_index == 4);
  for (std::uint32_t module = 0; module < 4; ++module)
    CHECK(std::to_integer<unsigned>(frame.payload.bytes()[module * k_sector_bytes + 5]) == 64 + module);
}

TEST_CASE("4D Camera: lost sectors, another scan, stale and broken messages") {
  SectorAssembler assembler({});
  assembler.on(pack(sector(0, 0)), pixels(0, 0), k_now);
  drain(assembler);
  assembler.on_silence(k_now + 1s);
  CHECK(assembler.empty());
  assembler.on_silence(k_now + 3s);
  auto events = drain(assembler);
  REQUIRE(events.size() == 1);
  CHECK(std::get<BadMessage>(events[0]).scan_index == 0);
  CHECK(std::get<BadMessage>(events[0]).error.message.find("1 of 4 sectors") != std::string::npos);
  assembler.on(pack(sector(1, 0)), pixels(1, 0), k_now);
  assembler.on(pack(sector(0, 0, 8)), pixels(0, 0),
               k_now);  // the next scan: frame 1 will not be whole any more
  events = drain(assembler);
  REQUIRE(events.size() == 2);
  CHECK(std::get<BadMessage>(events[0]).scan_index == 1);
  CHECK(std::get<ScanStart>(events[1]).series_id == 8);
  assembler.on(pack(sector(2, 0, 7)), pixels(2, 0), k_now);
  CHECK(std::get<FrameMessage>(drain(assembler).at(0)).series_id == 7);
  assembler.on(pack(sector(2, 0, 8)), Bytes(10), k_now);
  CHECK(std::get<BadMessage>(drain(assembler).at(0)).scan_index == 2);
  for (const Bytes& junk : {Bytes{}, Bytes(3, std::byte{0xc1}), Bytes{std::byte{0x91}, std::byte{1}}}) {
    assembler.on(junk, pixels(0, 0), k_now);
    CHECK(std::holds_alternative<BadMessage>(drain(assembler).at(0)));
  }
  auto beyond = sector(0, 0, 9);
  beyond.rows = beyond.cols = 65536;
  assembler.on(pack(beyond), pixels(0, 0), k_now);
  CHECK(std::holds_alternative<BadMessage>(drain(assembler).at(0)));
  assembler.on(Bytes{std::byte{0x81}, std::byte{7}, std::byte{40}}, {},
               k_now);  // {7: 40}: a count of messages
  CHECK(assembler.empty());
  for (std::uint64_t frame = 0; frame < 100; ++frame)
    assembler.on(pack(sector(frame, 1, 8)), pixels(frame, 1), k_now);
  CHECK(drain(assembler).size() == 36 + 1);  // 64 stay in assembly; six are the whole scan, which ends
}

TEST_CASE("4D Camera: sectors of version 4 are columns") {
  Bytes frame(k_sectors * k_sector_bytes), again(frame.size());
  for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<std::byte>(i * 7 + i / 1152);
  for (const SectorLayout layout : {SectorLayout::rows, SectorLayout::columns}) {
    for (std::uint32_t module = 0; module < 4; ++module)
      put_sector(layout, module, take_sector(layout, module, frame), again);
    CHECK(again == frame);
  }
  const Bytes second = take_sector(SectorLayout::columns, 1, frame);
  CHECK(second[0] == frame[288]);           // column 144 of the first row …
  CHECK(second[288] == frame[1152 + 288]);  // … and of the second
}

TEST_CASE("4D Camera: version 4 and the counted stream, as the simulated camera sends them") {
  for (const char* protocol : {"ncem4", "ncem-counted"}) {
    CAPTURE(protocol);
    const std::string address = fmt::format("ipc:///tmp/bragglive-ncem-{}-{}", ::getpid(), protocol);
    SourceOptions options;
    options.protocol = protocol;
    auto source = open_source(address, options);
    REQUIRE(source);
    SinkOptions sink_options;
    sink_options.protocol = protocol;
    auto sink = open_sink(address, sink_options);
    REQUIRE(sink);
    ScanStart start;
    start.series_id = 5;
    start.scan = {4, 5};  // more than a batch
    start.frame = {576, 576};
    REQUIRE((*sink)->start(start));
    const auto pixels_of = [](std::uint64_t index) {
      Bytes pixels(576 * 576 * 2);
      for (std::size_t i = 2 * index; i < pixels.size(); i += 7919 * 2)
        pixels[i] = static_cast<std::byte>(1 + (i + index) % 5);
      return pixels;
    };
    int sent = 0;  // the runner's checks are for one thread
    std::thread sender([&] {
      for (std::uint64_t index = 0; index < 20; ++index) {
        FrameMessage frame;
        frame.series_id = 5;
        frame.frame_number = frame.scan_index = index;
        frame.payload = Payload(
            pixels_of(index), +[](const Bytes& b) { return std::span<const std::byte>(b); });
        sent += (*sink)->frame(std::move(frame)) ? 1 : 0;
      }
      sent += (*sink)->end({5, 20}) ? 1 : 0;
    });
    const auto got = collect(**source);
    sender.join();
    CHECK(sent == 21);
    CHECK(got.ended);
    CHECK(got.start.scan == ScanShape{4, 5});
    REQUIRE(got.frames.size() == 20);
    for (std::uint64_t index = 0; index < 20; ++index) CHECK(got.frames.at(index) == pixels_of(index));
  }
}

TEST_CASE("4D Camera: counted batches that are none") {
  const std::array<std::uint32_t, 3> electrons = {0, 5, 5};
  CountedFrame frame;
  frame.scan_number = 3;
  frame.scan = {2, 3};
  frame.row = 1;
  frame.frame = {2, 3};
  frame.electrons = std::as_bytes(std::span(electrons));
  const Bytes good = pack_counted({6, {frame, frame}}, 0);
  const auto parsed = parse_counted(good);
  REQUIRE(parsed);
  REQUIRE(parsed->frames.size() == 2);
  CHECK(parsed->total_frames == 6);
  CHECK(parsed->frames[1].row == 1);
  CHECK(parsed->frames[1].electrons.size() == 12);
  for (std::size_t size = 0; size < good.size(); size += 5)
    CHECK_FALSE(parse_counted(std::span(good).first(size)));
  auto beyond = frame;
  beyond.row = 2;
  CHECK_FALSE(parse_counted(pack_counted({6, {beyond}}, 0)));
  beyond = frame;
  beyond.frame.rows = 0;
  CHECK_FALSE(parse_counted(pack_counted({6, {beyond}}, 0)));
}

TEST_CASE("4D Camera: the simulated camera, over two endpoints") {
  const std::string first = fmt::format("ipc:///tmp/bragglive-ncem-{}-1", ::getpid()),
                    second = fmt::format("ipc:///tmp/bragglive-ncem-{}-2", ::getpid());
  SourceOptions options;
  options.protocol = "ncem";
  auto source = open_source(first + "," + second, options);
  REQUIRE(source);
  SinkOptions sink_options;
  sink_options.protocol = "ncem";
  ScanStart start;
  start.series_id = 5;
  start.scan = {1, 2};
  start.frame = {576, 576};
  std::uint64_t index = 0;
  for (const std::string& address : {first, second}) {
    auto sink = open_sink(address, sink_options);
    REQUIRE(sink);
    REQUIRE((*sink)->start(start));
    FrameMessage frame;
    frame.series_id = 5;
    frame.frame_number = frame.scan_index = index++;
    frame.payload = Payload(
        Bytes(576 * 576 * 2, static_cast<std::byte>(index)),
        +[](const Bytes& b) { return std::span<const std::byte>(b); });
    REQUIRE((*sink)->frame(std::move(frame)));
  }
  const auto got = collect(**source);
  CHECK(got.ended);
  REQUIRE(got.frames.size() == 2);
  CHECK(got.frames.at(1) == Bytes(576 * 576 * 2, std::byte{2}));
  auto sink = open_sink(first + "-3", sink_options);
  start.frame = {192, 192};
  CHECK((*sink)->start(start).error().message.find("576x576") != std::string::npos);
}
