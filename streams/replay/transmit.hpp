// Plays a source into a sink: pace, encoding, series numbers.
#pragma once
#include <functional>
#include <optional>

#include "streams/frame_sink.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

struct TransmitOptions {
  double rate_hz = 0;                // 0 = as fast as the receiver takes it
  std::optional<Encoding> encoding;  // else the source's own
  std::uint64_t series_id = 1;
  std::uint64_t max_frames = 0;  // 0 = all
  // Asked after each frame, with the number sent and expected; false ends the scan.
  std::function<bool(std::uint64_t sent, std::uint64_t expected)> go_on;
};

struct Transmitted {
  std::uint64_t frames = 0;
  std::uint64_t damaged = 0;  // frames of the source that could not be read; they are left out
  double seconds = 0;
};

// One scan: from the source's start to its end.
Expected<Transmitted> transmit(FrameSource& source, FrameSink& sink, const TransmitOptions& options);

}  // namespace bragglive
