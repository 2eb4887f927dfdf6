#include "streams/replay/scan_memory.hpp"

#include "streams/recordings/mapped_file.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

namespace {

class Counter final : public FrameSink {
 public:
  Expected<void> start(const ScanStart&) override { return {}; }
  Expected<void> frame(FrameMessage frame) override {
    bytes += frame.payload.bytes().size();
    return {};
  }
  Expected<void> end(const ScanEnd&) override { return {}; }
  Expected<void> garbage(std::span<const std::byte>) override { return {}; }
  std::string description() const override { return "a counter"; }
  std::size_t bytes = 0;
};

void send_ten(ScanMemory& memory) {
  ScanStart start;
  start.scan = {2, 5};
  REQUIRE(memory.start(start));
  for (std::uint64_t i = 0; i < 10; ++i) {
    FrameMessage frame;
    frame.frame_number = i;
    frame.scan_index = 9 - i;
    frame.payload = own(std::vector<std::byte>(1000, static_cast<std::byte>(i)));
    REQUIRE(memory.frame(std::move(frame)));
  }
  REQUIRE(memory.end({}));
}

}  // namespace

TEST_CASE("a scan in memory comes again as it went") {
  Counter sink;
  ScanMemory memory(sink, 1 << 20);
  CHECK(memory.again() == nullptr);
  send_ten(memory);
  CHECK(sink.bytes == 10000);
  for (int time = 0; time < 2; ++time) {
    const auto again = memory.again();
    REQUIRE(again);
    CHECK(std::get<ScanStart>(again->next({})).scan == ScanShape{2, 5});
    for (std::uint64_t i = 0; i < 10; ++i) {
      const SourceEvent event = again->next({});
      const auto& frame = std::get<FrameMessage>(event);
      CHECK(frame.scan_index == 9 - i);
      CHECK(frame.payload.bytes()[999] == static_cast<std::byte>(i));
    }
    CHECK(std::holds_alternative<EndOfSource>(again->next({})));
  }
}

TEST_CASE("a scan that does not fit is sent and forgotten") {
  Counter sink;
  ScanMemory memory(sink, 5000);
  send_ten(memory);
  CHECK(sink.bytes == 10000);
  CHECK(memory.again() == nullptr);
}
