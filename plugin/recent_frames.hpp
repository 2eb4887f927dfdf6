// The newest live frames, kept as they came so that a click can show one; the oldest go when the memory is
// full.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "streams/payload.hpp"

namespace bragglive {

// Thread-safe.
class RecentFrames {
 public:
  explicit RecentFrames(std::size_t byte_limit) : byte_limit_(byte_limit) {}
  void keep(std::uint64_t scan_index, Payload payload);
  void clear();
  // A copy of the encoded bytes; false when they are gone.
  bool copy(std::uint64_t scan_index, std::vector<std::byte>& out) const;

 private:
  const std::size_t byte_limit_;
  mutable std::mutex mutex_;
  std::deque<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, Payload> frames_;
  std::size_t bytes_ = 0;
};

}  // namespace bragglive
