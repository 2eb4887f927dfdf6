#include "plugin/frame_order.hpp"

#include <algorithm>

#include "streams/scan_path.hpp"

namespace bragglive {

FrameOrder::Arrival FrameOrder::see(std::uint64_t number, std::uint64_t position, std::uint64_t now_ns) {
  watch_stride(number);
  if (number < next_) return fill(number) ? Arrival::disordered : Arrival::given_up;
  const bool on_map = position != k_no_position;
  if (number > next_) {
    FrameGap gap{next_, number - 1, std::nullopt, std::nullopt, now_ns};
    // The path is only known to be a straight one where positions are no further apart than numbers.
    if (on_map && position > passed_ && position - passed_ <= number - next_) {
      gap.first_position = passed_;
      gap.last_position = position - 1;
    }
    gaps_.push_back(gap);
  }
  next_ = number + 1;
  if (on_map) passed_ = position + 1;
  return Arrival::in_order;
}

bool FrameOrder::fill(std::uint64_t number) {
  const auto at = std::partition_point(gaps_.begin(), gaps_.end(),
                                       [number](const FrameGap& gap) { return gap.last < number; });
  if (at == gaps_.end() || at->first > number) return false;
  if (at->first == at->last) {
    gaps_.erase(at);
  } else if (at->first == number) {
    ++at->first;
  } else if (at->last == number) {
    --at->last;
  } else {
    FrameGap before = *at;
    before.last = number - 1;
    at->first = number + 1;
    gaps_.insert(at, before);
  }
  return true;
}

std::optional<FrameGap> FrameOrder::give_up(std::uint64_t now_ns, bool all) {
  if (gaps_.empty()) return std::nullopt;
  const FrameGap& oldest = gaps_.front();
  const bool over = all || gaps_.size() > k_max_gaps || next_ - oldest.last > window_.frames ||
                    now_ns - oldest.since_ns > static_cast<std::uint64_t>(window_.time.count()) * 1'000'000;
  if (!over) return std::nullopt;
  const FrameGap gap = oldest;
  gaps_.pop_front();
  return gap;
}

void FrameOrder::watch_stride(std::uint64_t number) {
  const std::uint64_t step = last_ && number > *last_ ? number - *last_ : 0;
  last_ = number;
  run_ = step >= 2 && step == stride_ ? run_ + 1 : 0;
  stride_ = step;
}

std::optional<std::uint64_t> FrameOrder::take_stride() {
  if (run_ < k_stride_run || told_) return std::nullopt;
  told_ = true;
  return stride_;
}

}  // namespace bragglive
