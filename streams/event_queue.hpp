// Events that a receiver has understood and not yet handed on.
#pragma once
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "streams/frame_source.hpp"

namespace bragglive {

class EventQueue {
 public:
  bool empty() const { return events_.empty(); }
  void add(SourceEvent event) { events_.push_back(std::move(event)); }
  void bad(ErrorArea area, std::string text, std::optional<std::uint64_t> scan_index,
           std::optional<std::uint64_t> series_id = std::nullopt) {
    events_.emplace_back(BadMessage{Error{area, std::move(text)}, scan_index, series_id});
  }
  // There must be one.
  SourceEvent pop() {
    SourceEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  std::deque<SourceEvent> events_;
};

}  // namespace bragglive
