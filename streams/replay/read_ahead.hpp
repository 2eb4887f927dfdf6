// Frames of a recording prepared by a thread, a bounded number ahead of the one who takes them.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "streams/recordings/recording.hpp"

namespace bragglive {

class ReadAhead {
 public:
  struct Item {
    std::uint64_t frame = 0;
    Expected<Payload> payload;
  };

  // A recording that is still being written is over when it has not grown for `quiet`.
  ReadAhead(Recording& recording, std::chrono::milliseconds quiet);
  ~ReadAhead();

  // The next frame in the recording's order, waiting until `deadline` for it; nullopt when it is not there
  // yet.
  std::optional<Item> take(std::chrono::steady_clock::time_point deadline);
  // No further frame will come, although the recording should have some.
  bool over();

 private:
  void run(std::stop_token stop);
  // Until this step can be read; false: it will not come.
  bool wait_for(std::uint64_t step, const std::stop_token& stop);

  Recording& recording_;
  const std::size_t limit_;
  const std::chrono::milliseconds quiet_;
  std::uint64_t written_ = 0;  // steps that can be read; the thread's own
  std::mutex mutex_;
  std::condition_variable_any not_empty_, not_full_;
  std::deque<Item> items_;
  bool over_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace bragglive
