// NCEM 4D Camera as a frame source and simulated: ZeroMQ PUSH to PULL, one or several endpoints
// (tcp://host:6001,tcp://host:6002,…).
#pragma once
#include <memory>
#include <string>

#include "streams/frame_sink.hpp"
#include "streams/frame_source.hpp"

namespace bragglive::ncem {

// Version 5 of the camera's sectors, and version 4. Frames that are sent have to be 576 x 576 uint16.
Expected<std::unique_ptr<FrameSource>> open_receiver(const std::string& uri, const SourceOptions& options);
Expected<std::unique_ptr<FrameSource>> open_receiver4(const std::string& uri, const SourceOptions& options);
Expected<std::unique_ptr<FrameSink>> open_sender(const std::string& uri, const SinkOptions& options);
Expected<std::unique_ptr<FrameSink>> open_sender4(const std::string& uri, const SinkOptions& options);

// Counted frames (counted_batch.hpp): PUSH to PULL, several frames a message, of any size up to 65,536 a
// side.
Expected<std::unique_ptr<FrameSource>> open_counted_receiver(const std::string& uri,
                                                             const SourceOptions& options);
Expected<std::unique_ptr<FrameSink>> open_counted_sender(const std::string& uri, const SinkOptions& options);

}  // namespace bragglive::ncem
