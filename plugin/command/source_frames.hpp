// The decoded frames of a source, one after the other, for commands that look at every frame once.
#pragma once
#include <cstdint>
#include <functional>

#include "core/frame/frame_view.hpp"
#include "plugin/command/source_options.hpp"

namespace bragglive::command {

struct SourceFrame {
  const ScanStart* start = nullptr;  // the scan it belongs to
  std::uint64_t scan_index = 0;
  FrameView view;  // valid during the call
};

// Called for every good frame of the first scan; false ends the reading, an error ends it with that error.
using FrameVisitor = std::function<Expected<bool>(const SourceFrame&)>;

// Damaged frames are reported on stderr (the first one) and left out. Fails when not one frame could be read.
// An endpoint is given up after `wait_s` seconds of silence.
Expected<void> for_each_frame(const SourceArguments& arguments, const char* what, double wait_s,
                              const FrameVisitor& visit);

}  // namespace bragglive::command
