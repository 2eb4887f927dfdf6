// A scan kept in memory as it was sent, so that sending it again costs neither reading nor packing.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "streams/frame_sink.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

// A sink in front of a sink: it keeps what passes, up to `budget_bytes`; a longer scan is forgotten again.
class ScanMemory final : public FrameSink {
 public:
  ScanMemory(FrameSink& sink, std::size_t budget_bytes) : sink_(sink), budget_bytes_(budget_bytes) {}

  Expected<void> start(const ScanStart& start) override;
  Expected<void> frame(FrameMessage frame) override;
  Expected<void> end(const ScanEnd& end) override;
  Expected<void> garbage(std::span<const std::byte> bytes) override { return sink_.garbage(bytes); }
  std::string description() const override { return sink_.description(); }

  // The scan once more, as a source; nullptr: it did not fit, or has not ended.
  std::unique_ptr<FrameSource> again() const;

 private:
  struct Scan;
  FrameSink& sink_;
  const std::size_t budget_bytes_;
  std::shared_ptr<Scan> scan_;
  std::shared_ptr<const Scan> whole_;
};

}  // namespace bragglive
