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

  explicit ReadAhead(Recording& recording);
  ~ReadAhead();

  // The next frame in the recording's order, waiting until `deadline` for it; nullopt when it is not there
  // yet.
  std::optional<Item> take(std::chrono::steady_clock::time_point deadline);

 private:
  void run(std::stop_token stop);

  Recording& recording_;
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable_any not_empty_, not_full_;
  std::deque<Item> items_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace bragglive
