// The native protocol's sender: a frame sink on a ZeroMQ PUSH or PUB socket.
#pragma once
#include <memory>
#include <string>

#include "streams/frame_sink.hpp"

namespace bragglive::native {

// "?socket=pub" publishes. Waits for a first receiver before the first scan start, blocks where the receivers
// do not keep up (nothing is dropped here, also when publishing), and repeats the scan start every second for
// receivers that come late.
Expected<std::unique_ptr<FrameSink>> open_sender(const std::string& uri, const SinkOptions& options);

}  // namespace bragglive::native
