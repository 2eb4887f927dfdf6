// The native protocol's receiver: a frame source on a ZeroMQ PULL or SUB socket.
#pragma once
#include <memory>
#include <string>

#include "streams/frame_source.hpp"

namespace bragglive::native {

// Opens the endpoint at once (an address that cannot be bound is an error here); the socket then belongs to
// the thread that calls next(). A part 2 is moved out as the payload. What comes and cannot be used is a
// BadMessage: no msgpack, wrong sizes, wrong version, frames before any scan start. Frames of another series
// than the last start's are passed on for the engine to count.
Expected<std::unique_ptr<FrameSource>> open_receiver(const std::string& uri, const SourceOptions& options);

}  // namespace bragglive::native
