// A recording as a frame source: the scan's start, its frames at a given rate, its end.
#pragma once
#include <memory>

#include "streams/frame_source.hpp"
#include "streams/recordings/recording.hpp"

namespace bragglive {

// options.scan overrides the recording's scan shape; options.rate_hz paces. Damaged frames become BadMessage
// with their position. Frames of files that have to be read or converted are prepared ahead in one thread,
// within a fixed budget of memory.
Expected<std::unique_ptr<FrameSource>> make_replay(std::unique_ptr<Recording> recording,
                                                   std::string description, const SourceOptions& options);

}  // namespace bragglive
