// Numbers that are skipped, overtaken, given up, or taken by somebody else.
#include "plugin/frame_order.hpp"

#include "streams/scan_path.hpp"
#include "tests/catch.hpp"

using namespace bragglive;
using Arrival = FrameOrder::Arrival;

namespace {
constexpr std::uint64_t k_ms = 1'000'000;
}

TEST_CASE("a frame that others overtook fills its gap") {
  FrameOrder order;
  for (std::uint64_t n : {0, 1, 2}) CHECK(order.see(n, n, 0) == Arrival::in_order);
  CHECK(order.see(7, 7, 0) == Arrival::in_order);
  for (std::uint64_t n : {4, 3, 6, 5}) CHECK(order.see(n, n, 0) == Arrival::disordered);
  CHECK_FALSE(order.give_up(0, true));
}

TEST_CASE("a gap is given up after so many frames, or after so long") {
  FrameOrder order({10, std::chrono::milliseconds(50)});
  order.see(0, 0, 0);
  order.see(5, 5, 0);
  order.see(3, 3, 0);
  CHECK_FALSE(order.give_up(40 * k_ms));
  auto gap = order.give_up(60 * k_ms);
  REQUIRE(gap);
  CHECK(gap->first == 1);
  CHECK(gap->last == 2);
  CHECK(gap->first_position == std::uint64_t{1});
  gap = order.give_up(60 * k_ms);
  REQUIRE(gap);
  CHECK((gap->first == 4 && gap->last == 4));
  CHECK(order.see(4, 4, 61 * k_ms) == Arrival::given_up);
  order.see(8, 8, 61 * k_ms);
  for (std::uint64_t n = 9; n < 17; ++n) order.see(n, n, 61 * k_ms);
  CHECK_FALSE(order.give_up(61 * k_ms));
  order.see(18, 18, 61 * k_ms);
  CHECK(order.give_up(61 * k_ms)->first == 6);
}

TEST_CASE("positions of a gap are only told where the way is straight") {
  FrameOrder order;
  order.see(0, 0, 0);
  order.see(4, 12, 0);  // a jump
  CHECK_FALSE(order.give_up(0, true)->first_position);
  order.see(9, 15, 0);  // two frames of it were no positions
  const auto gap = order.give_up(0, true);
  CHECK(gap->first_position == std::uint64_t{13});
  CHECK(gap->last_position == std::uint64_t{14});
  order.see(11, k_no_position, 0);
  CHECK_FALSE(order.give_up(0, true)->first_position);
}

TEST_CASE("hostile numbers keep the list of gaps short") {
  FrameOrder order;
  std::size_t given_up = 0, frames = 0;
  for (std::uint64_t n = 0; n < 100'000; n += 2, ++frames) {
    order.see(n + (n % 6), n, 0);
    while (order.give_up(0)) ++given_up;
  }
  CHECK(order.see(~std::uint64_t{0} - 1, 3, 0) == Arrival::in_order);
  while (order.give_up(0, true)) ++given_up;
  CHECK(given_up > 0);
  CHECK(given_up <= frames + 1);
}

TEST_CASE("every second frame, and every third: told once") {
  for (std::uint64_t stride : {2, 3}) {
    FrameOrder order;
    std::optional<std::uint64_t> told;
    int times = 0;
    for (std::uint64_t n = 1; n < 200; n += stride) {
      order.see(n, n, 0);
      if (const auto found = order.take_stride()) told = found, ++times;
    }
    CHECK(told == stride);
    CHECK(times == 1);
  }
  FrameOrder accidents;
  for (std::uint64_t n = 0; n < 1000; ++n)
    if (n % 10 != 3) accidents.see(n, n, 0);
  CHECK_FALSE(accidents.take_stride());
}
