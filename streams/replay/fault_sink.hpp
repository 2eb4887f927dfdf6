// A sink that misbehaves on purpose: what a detector, a network or an operator does to a stream, for tests
// and for practice.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "streams/frame_sink.hpp"

namespace bragglive {

// 0 = not at all. "every" counts the frames of a scan from 1.
struct Faults {
  std::uint64_t drop_every = 0;          // left out; 2 = a second client takes every other frame
  std::uint64_t duplicate_every = 0;     // sent twice
  std::uint64_t truncate_every = 0;      // loses the second half of its pixels
  std::uint64_t garbage_every = 0;       // followed by a message that means nothing
  std::uint64_t out_of_range_every = 0;  // claims a scan index behind the scan
  std::uint64_t reorder_window = 0;      // so many frames are sent backwards
  std::uint64_t stale_frames = 0;        // so many frames of the series before come first
  std::uint64_t stall_after = 0;         // a pause of five seconds after this frame
  std::uint64_t die_after = 0;           // silence after this frame, no end of the scan
  bool no_start = false, no_end = false;
};

// "drop=10", "reorder=4", "die=100", "no-start", … (the names of Faults without "_every", "_after" and the
// like).
Expected<void> add_fault(Faults& faults, std::string_view text);
constexpr std::string_view k_fault_help =
    "drop=N duplicate=N truncate=N garbage=N out-of-range=N (every Nth frame), reorder=WINDOW, stale=N, "
    "stall=N, die=N (after N "
    "frames), no-start, no-end";

class FaultSink final : public FrameSink {
 public:
  FaultSink(std::unique_ptr<FrameSink> sink, const Faults& faults)
      : sink_(std::move(sink)), faults_(faults) {}

  Expected<void> start(const ScanStart& start) override;
  Expected<void> frame(FrameMessage frame) override;
  Expected<void> end(const ScanEnd& end) override;
  Expected<void> garbage(std::span<const std::byte> bytes) override { return sink_->garbage(bytes); }
  std::string description() const override { return sink_->description() + " with faults"; }
  bool dead() const { return dead_; }

 private:
  Expected<void> flush();
  Expected<void> send_stale(const FrameMessage& like);

  std::unique_ptr<FrameSink> sink_;
  const Faults faults_;
  ScanStart start_;
  std::uint64_t frames_ = 0;
  std::vector<FrameMessage> held_;
  bool dead_ = false;
};

}  // namespace bragglive
