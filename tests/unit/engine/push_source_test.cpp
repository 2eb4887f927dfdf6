#include "plugin/push_source.hpp"

#include "tests/catch.hpp"

using namespace bragglive;

TEST_CASE("the queue of a pushing host is bounded and keeps the order") {
  PushQueue queue(2);
  queue.push(ScanStart{});
  for (std::uint64_t i = 0; i < 2; ++i) {
    REQUIRE(queue.reserve_frame());
    FrameMessage message;
    message.scan_index = i;
    queue.push(std::move(message));
  }
  CHECK_FALSE(queue.reserve_frame());
  queue.push(ScanEnd{});
  const std::chrono::milliseconds now{0};
  CHECK(std::holds_alternative<ScanStart>(queue.pop(now)));
  CHECK(std::get<FrameMessage>(queue.pop(now)).scan_index == 0);
  CHECK(queue.reserve_frame());
  CHECK(std::get<FrameMessage>(queue.pop(now)).scan_index == 1);
  CHECK(std::holds_alternative<ScanEnd>(queue.pop(now)));
  CHECK(std::holds_alternative<Idle>(queue.pop(now)));
}
