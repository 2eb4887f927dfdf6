// Frames that a host program hands in, as a FrameSource.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>

#include "streams/frame_source.hpp"

namespace bragglive {

// The bounded queue between the host's threads and the receiver. Shared by both sides, because each may end
// first.
class PushQueue {
 public:
  explicit PushQueue(std::size_t frame_limit) : frame_limit_(frame_limit) {}
  // A place for one frame, to be followed by push(); false when `frame_limit` frames wait.
  bool reserve_frame();
  void push(SourceEvent event);
  SourceEvent pop(std::chrono::milliseconds timeout);
  // Nothing waits and nothing is being worked on: what was pushed has taken effect.
  bool idle() const;
  // Lets go of everything that waits, the host's pixels too.
  void clear();

 private:
  const std::size_t frame_limit_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<SourceEvent> events_;
  std::size_t frames_ = 0;
  bool busy_ = false;  // an event was handed out and the next one not yet asked for
};

class PushSource : public FrameSource {
 public:
  explicit PushSource(std::shared_ptr<PushQueue> queue) : queue_(std::move(queue)) {}
  SourceEvent next(std::chrono::milliseconds timeout) override { return queue_->pop(timeout); }
  // The queue is the limit that a host sees; behind it nothing is skipped.
  bool live() const override { return false; }
  std::string description() const override { return "frames pushed by the host program"; }

 private:
  std::shared_ptr<PushQueue> queue_;
};

}  // namespace bragglive
