#include "plugin/push_source.hpp"

namespace bragglive {

bool PushQueue::reserve_frame() {
  const std::lock_guard lock(mutex_);
  if (frames_ >= frame_limit_) return false;
  ++frames_;
  return true;
}

void PushQueue::push(SourceEvent event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  arrived_.notify_one();
}

SourceEvent PushQueue::pop(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  busy_ = false;
  if (!arrived_.wait_for(lock, timeout, [this] { return !events_.empty(); })) return Idle{};
  SourceEvent event = std::move(events_.front());
  events_.pop_front();
  busy_ = true;
  if (std::holds_alternative<FrameMessage>(event)) --frames_;
  return event;
}

bool PushQueue::idle() const {
  const std::lock_guard lock(mutex_);
  return events_.empty() && !busy_;
}

void PushQueue::clear() {
  std::deque<SourceEvent> gone;  // destroyed after the lock: the host's release function may call back
  {
    const std::lock_guard lock(mutex_);
    gone.swap(events_);
    frames_ = 0;
  }
}

}  // namespace bragglive
