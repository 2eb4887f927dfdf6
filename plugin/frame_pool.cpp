#include "plugin/frame_pool.hpp"

namespace bragglive {

FramePool::FramePool(std::size_t slots) {
  free_.reserve(slots);
  for (std::size_t i = 0; i < slots; ++i) {
    slots_.push_back(std::make_unique<FrameSlot>());
    free_.push_back(slots_.back().get());
  }
}

FrameSlot* FramePool::try_acquire() {
  return acquire_for(std::chrono::milliseconds{0});
}

FrameSlot* FramePool::acquire_for(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (free_.empty() && timeout.count() > 0) freed_.wait_for(lock, timeout, [this] { return !free_.empty(); });
  if (free_.empty()) return nullptr;
  // Last in, first out: the slot that was used last is still in the cache.
  FrameSlot* slot = free_.back();
  free_.pop_back();
  return slot;
}

void FramePool::release(FrameSlot* slot) {
  slot->message = {};
  slot->outcome = PositionState::labelled;
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(slot);
  }
  freed_.notify_one();
}

std::size_t FramePool::in_use() const {
  const std::lock_guard lock(mutex_);
  return slots_.size() - free_.size();
}

}  // namespace bragglive
