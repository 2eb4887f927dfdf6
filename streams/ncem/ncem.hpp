// NCEM 4D Camera as a frame source and simulated: ZeroMQ PUSH to PULL, one or several endpoints
// (tcp://host:6001,tcp://host:6002,…).
#pragma once
#include <memory>
#include <string>

#include "streams/frame_sink.hpp"
#include "streams/frame_source.hpp"

namespace bragglive::ncem {

Expected<std::unique_ptr<FrameSource>> open_receiver(const std::string& uri, const SourceOptions& options);
// Frames have to be 576 x 576 uint16.
Expected<std::unique_ptr<FrameSink>> open_sender(const std::string& uri, const SinkOptions& options);

}  // namespace bragglive::ncem
