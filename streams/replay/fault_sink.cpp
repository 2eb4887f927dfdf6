#include "streams/replay/fault_sink.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

#include "streams/recordings/mapped_file.hpp"

namespace bragglive {
namespace {

constexpr std::chrono::seconds k_stall{5};

struct Named {
  std::string_view name;
  std::uint64_t Faults::*value;
};
constexpr std::array<Named, 9> k_numbers = {{{"drop", &Faults::drop_every},
                                             {"duplicate", &Faults::duplicate_every},
                                             {"truncate", &Faults::truncate_every},
                                             {"garbage", &Faults::garbage_every},
                                             {"out-of-range", &Faults::out_of_range_every},
                                             {"reorder", &Faults::reorder_window},
                                             {"stale", &Faults::stale_frames},
                                             {"stall", &Faults::stall_after},
                                             {"die", &Faults::die_after}}};

FrameMessage copy_of(const FrameMessage& frame, std::size_t bytes) {
  FrameMessage copy;
  copy.series_id = frame.series_id;
  copy.frame_number = frame.frame_number;
  copy.scan_index = frame.scan_index;
  copy.timestamp_ns = frame.timestamp_ns;
  const auto pixels = frame.payload.bytes().first(bytes);
  copy.payload = own({pixels.begin(), pixels.end()});
  return copy;
}

}  // namespace

Expected<void> add_fault(Faults& faults, std::string_view text) {
  if (text == "no-start") return faults.no_start = true, Expected<void>{};
  if (text == "no-end") return faults.no_end = true, Expected<void>{};
  const std::size_t equals = text.find('=');
  for (const Named& named : k_numbers) {
    if (equals == std::string_view::npos || text.substr(0, equals) != named.name) continue;
    const std::string_view value = text.substr(equals + 1);
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), faults.*named.value);
    if (error == std::errc{} && end == value.data() + value.size() && faults.*named.value > 0) return {};
  }
  return fail(ErrorArea::usage, "unknown fault '{}'; there is {}", text, k_fault_help);
}

Expected<void> FaultSink::start(const ScanStart& start) {
  start_ = start;
  frames_ = 0;
  return faults_.no_start ? Expected<void>{} : sink_->start(start);
}

Expected<void> FaultSink::send_stale(const FrameMessage& like) {
  for (std::uint64_t i = 0; i < faults_.stale_frames; ++i) {
    FrameMessage stale = copy_of(like, like.payload.bytes().size());
    stale.series_id = like.series_id - 1;
    stale.frame_number = stale.scan_index = i;
    if (auto sent = sink_->frame(std::move(stale)); !sent) return sent;
  }
  return {};
}

Expected<void> FaultSink::frame(FrameMessage frame) {
  if (dead_) return {};
  ++frames_;
  const auto hit = [this](std::uint64_t every) { return every != 0 && frames_ % every == 0; };
  if (frames_ == 1)
    if (auto sent = send_stale(frame); !sent) return sent;
  if (faults_.die_after != 0 && frames_ > faults_.die_after) {
    dead_ = true;
    return flush();
  }
  if (faults_.stall_after != 0 && frames_ == faults_.stall_after + 1) std::this_thread::sleep_for(k_stall);
  if (hit(faults_.drop_every)) return {};
  const std::size_t bytes = frame.payload.bytes().size();
  if (hit(faults_.truncate_every)) frame = copy_of(frame, bytes / 2);
  if (hit(faults_.out_of_range_every)) frame.scan_index += start_.scan.positions();
  if (hit(faults_.duplicate_every)) held_.push_back(copy_of(frame, frame.payload.bytes().size()));
  held_.push_back(std::move(frame));
  if (held_.size() >= faults_.reorder_window)
    if (auto sent = flush(); !sent) return sent;
  if (!hit(faults_.garbage_every)) return {};
  constexpr std::array k_nonsense = {std::byte{0xc1}, std::byte{0x00}, std::byte{0xff}};
  return sink_->garbage(k_nonsense);
}

Expected<void> FaultSink::flush() {
  if (faults_.reorder_window > 1) std::reverse(held_.begin(), held_.end());
  for (FrameMessage& frame : held_)
    if (auto sent = sink_->frame(std::move(frame)); !sent) return sent;
  held_.clear();
  return {};
}

Expected<void> FaultSink::end(const ScanEnd& end) {
  if (auto sent = flush(); !sent) return sent;
  return dead_ || faults_.no_end ? Expected<void>{} : sink_->end(end);
}

}  // namespace bragglive
