#include "plugin/recent_frames.hpp"

namespace bragglive {

void RecentFrames::keep(std::uint64_t scan_index, Payload payload) {
  const std::size_t size = payload.bytes().size();
  if (size == 0 || size > byte_limit_) return;
  const std::lock_guard lock(mutex_);
  if (!frames_.try_emplace(scan_index, std::move(payload)).second) return;
  order_.push_back(scan_index);
  bytes_ += size;
  while (bytes_ > byte_limit_) {
    const auto oldest = frames_.find(order_.front());
    bytes_ -= oldest->second.bytes().size();
    frames_.erase(oldest);
    order_.pop_front();
  }
}

void RecentFrames::clear() {
  const std::lock_guard lock(mutex_);
  order_.clear();
  frames_.clear();
  bytes_ = 0;
}

bool RecentFrames::copy(std::uint64_t scan_index, std::vector<std::byte>& out) const {
  const std::lock_guard lock(mutex_);
  const auto found = frames_.find(scan_index);
  if (found == frames_.end()) return false;
  const auto bytes = found->second.bytes();
  out.assign(bytes.begin(), bytes.end());
  return true;
}

}  // namespace bragglive
