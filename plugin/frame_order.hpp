// Watches the numbers of live frames: which ones are late, which ones are given up, and whether somebody else
// takes every other one. Frames are stored in any order, so nothing is held back for it.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace bragglive {

// Frames that did not come, and the positions that were passed meanwhile.
struct FrameGap {
  std::uint64_t first = 0, last = 0;                           // frame numbers
  std::optional<std::uint64_t> first_position, last_position;  // where they can be told
  std::uint64_t since_ns = 0;
};

class FrameOrder {
 public:
  // A frame that is overtaken by so many others, or for so long, is given up.
  struct Window {
    std::uint64_t frames = 4096;
    std::chrono::milliseconds time{1000};
  };
  FrameOrder() = default;
  explicit FrameOrder(Window window) : window_(window) {}

  enum class Arrival { in_order, disordered, given_up };  // given_up: it came after all
  Arrival see(std::uint64_t number, std::uint64_t position, std::uint64_t now_ns);
  // The next gap whose time is over; `all`: whatever is still open.
  std::optional<FrameGap> give_up(std::uint64_t now_ns, bool all = false);
  // Every how many numbers a frame comes, once, when that is no accident any more: the mark of another
  // client at a PUSH socket.
  std::optional<std::uint64_t> take_stride();

 private:
  static constexpr int k_stride_run = 16;
  static constexpr std::size_t k_max_gaps = 4096;
  void watch_stride(std::uint64_t number);
  bool fill(std::uint64_t number);

  Window window_;
  std::deque<FrameGap> gaps_;  // ascending
  std::uint64_t next_ = 0;     // behind the highest number seen
  std::uint64_t passed_ = 0;   // behind the position of the last frame in order
  std::optional<std::uint64_t> last_;
  std::uint64_t stride_ = 0;
  int run_ = 0;
  bool told_ = false;
};

}  // namespace bragglive
