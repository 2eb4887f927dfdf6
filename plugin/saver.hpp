// What has to be written when a scan is over, done by a thread of its own, so that the next scan's frames do
// not wait for a disk.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace bragglive {

class Saver {
 public:
  // At most `limit` jobs wait; a disk that is slower than the detector in the long run stops the receiver
  // rather than filling the memory with finished scans.
  explicit Saver(std::size_t limit = 2);
  ~Saver();  // does what was submitted

  // Calls `held_up` once if the caller has to wait longer than a moment.
  void submit(std::function<void()> job, const std::function<void()>& held_up = {});
  // Returns when everything submitted is done.
  void drain();

 private:
  void run(std::stop_token stop);
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> jobs_;
  bool busy_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace bragglive
