// Frames that are no positions, and positions in the order of the probe.
#include <deque>

#include "streams/frame_source.hpp"
#include "streams/recordings/mapped_file.hpp"
#include "streams/replay/path_sink.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

namespace {

class Script final : public FrameSource {
 public:
  std::deque<SourceEvent> events;
  SourceEvent next(std::chrono::milliseconds) override {
    if (events.empty()) return EndOfSource{};
    SourceEvent event = std::move(events.front());
    events.pop_front();
    return event;
  }
  bool live() const override { return true; }
  std::string description() const override { return "a script"; }
  std::optional<std::vector<std::byte>> frame_again(std::uint64_t frame) const override {
    return std::vector<std::byte>(1, static_cast<std::byte>(frame));
  }
};

ScanStart start_of(ScanShape scan) {
  ScanStart start;
  start.series_id = 7;
  start.scan = scan;
  start.frame = {1, 1};
  start.pixel = PixelType::u8;
  return start;
}

FrameMessage frame_of(std::uint64_t number, std::uint64_t value = 0) {
  FrameMessage frame;
  frame.series_id = 7;
  frame.frame_number = frame.scan_index = number;
  frame.payload = own({static_cast<std::byte>(value)});
  return frame;
}

const ScanPath k_paths[] = {
    {},
    {.lead_in = 5},
    {.fly_back = 2},
    {.line_skip = 1},
    {.sync_offset = 3},
    {.sync_offset = -4},
    {.serpentine = true},
    {.lead_in = 2, .line_skip = 1, .fly_back = 3, .sync_offset = -5, .serpentine = true}};

class Collector final : public FrameSink {
 public:
  std::deque<SourceEvent>* into = nullptr;
  Expected<void> start(const ScanStart& start) override {
    return into->emplace_back(start), Expected<void>{};
  }
  Expected<void> frame(FrameMessage frame) override {
    return into->emplace_back(std::move(frame)), Expected<void>{};
  }
  Expected<void> end(const ScanEnd& end) override { return into->emplace_back(end), Expected<void>{}; }
  Expected<void> garbage(std::span<const std::byte>) override { return {}; }
  std::string description() const override { return "a collector"; }
};

}  // namespace

TEST_CASE("positions and frames of a path belong to each other") {
  const ScanShape scan{3, 4};
  for (const ScanPath& path : k_paths) {
    std::vector<int> seen(scan.positions(), 0);
    for (std::uint64_t frame = 0; frame < path.frames(scan); ++frame) {
      const std::uint64_t position = path.position_of(scan, frame);
      if (position == k_no_position) continue;
      REQUIRE(position < scan.positions());
      ++seen[position];
      CHECK(path.frame_of(scan, position) == frame);
    }
    for (std::uint64_t position = 0; position < scan.positions(); ++position)
      CHECK(seen[position] == (path.frame_of(scan, position) ? 1 : 0));
    CHECK(path.position_of(scan, path.frames(scan)) == scan.positions());
  }
}

TEST_CASE("each number of a path acts as its name says") {
  const ScanShape scan{2, 3};
  const auto positions = [&](const ScanPath& path) {
    std::vector<int> all;
    for (std::uint64_t frame = 0; frame < 8; ++frame)
      all.push_back(static_cast<int>(path.position_of(scan, frame)));
    return all;
  };
  CHECK(positions({}) == std::vector{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(positions({.lead_in = 2}) == std::vector{-1, -1, 0, 1, 2, 3, 4, 5});
  CHECK(positions({.line_skip = 1}) == std::vector{-1, 0, 1, 2, -1, 3, 4, 5});
  CHECK(positions({.fly_back = 1}) == std::vector{0, 1, 2, -1, 3, 4, 5, -1});
  CHECK(positions({.sync_offset = 1}) == std::vector{-1, 0, 1, 2, 3, 4, 5, 6});
  CHECK(positions({.sync_offset = -2}) == std::vector{2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(positions({.serpentine = true}) == std::vector{0, 1, 2, 5, 4, 3, 6, 7});
  const ScanPath most{k_max_path_frames, k_max_path_frames, k_max_path_frames, 0, true, false};
  CHECK(most.position_of({8192, 8192}, ~std::uint64_t{0}) > std::uint64_t{1} << 26);
}

TEST_CASE("a simulated path is undone by the path that is told") {
  const ScanShape scan{3, 4};
  for (const ScanPath& path : k_paths) {
    if (path.sync_offset < 0 || path.plain()) continue;  // what is cut off cannot come back
    auto script = std::make_unique<Script>();
    auto collector = std::make_unique<Collector>();
    collector->into = &script->events;
    auto sink = send_along(std::move(collector), path);
    REQUIRE(sink->start(start_of(scan)));
    for (std::uint64_t i = 0; i < scan.positions(); ++i) REQUIRE(sink->frame(frame_of(i, i + 1)));
    REQUIRE(sink->end({7, 12}));
    auto& first = std::get<ScanStart>(script->events.front());
    CHECK(first.expected_frames == path.frames(scan));
    first.scan = scan;  // --scan
    const auto source = follow_path(std::move(script), path);
    std::vector<int> values(scan.positions(), 0);
    for (;;) {
      auto event = source->next(std::chrono::milliseconds(0));
      if (std::holds_alternative<EndOfSource>(event)) break;
      if (const auto* frame = std::get_if<FrameMessage>(&event);
          frame && frame->scan_index != k_no_position) {
        REQUIRE(frame->scan_index < values.size());
        CHECK(std::exchange(values[frame->scan_index], std::to_integer<int>(frame->payload.bytes()[0])) == 0);
      }
    }
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == static_cast<int>(i) + 1);
    if (path.serpentine)
      CHECK((*source->frame_again(4))[0] == static_cast<std::byte>(*path.frame_of(scan, 4)));
  }
}

TEST_CASE("scan after scan within one series: each with a start, an end and a number of its own") {
  auto script = std::make_unique<Script>();
  script->events.emplace_back(start_of({1, 2}));
  for (std::uint64_t number : {0, 1, 2, 3, 4, 6, 9}) script->events.emplace_back(frame_of(number));
  script->events.emplace_back(ScanEnd{7, 0});
  const auto source = follow_path(std::move(script), {.fly_back = 1, .repeated = true});
  std::string story;
  for (;;) {
    auto event = source->next(std::chrono::milliseconds(0));
    if (std::holds_alternative<EndOfSource>(event)) break;
    const auto scan_of = [](std::uint64_t series) { return series - (std::uint64_t{7} << 20); };
    if (const auto* start = std::get_if<ScanStart>(&event))
      story += fmt::format("S{} ", scan_of(start->series_id));
    if (const auto* end = std::get_if<ScanEnd>(&event)) story += fmt::format("E{} ", scan_of(end->series_id));
    if (const auto* frame = std::get_if<FrameMessage>(&event))
      story += fmt::format("{}:{} ", scan_of(frame->series_id), static_cast<std::int64_t>(frame->scan_index));
  }
  CHECK(story == "S0 0:0 0:1 0:-1 E0 S1 1:0 1:1 E1 S2 2:0 E2 S3 3:0 E3 ");
}
