// CrystFEL's online stream (msgpack over ZeroMQ), as beamline software such as OM sends it: as a frame
// source, and simulated.
//
// The receiver subscribes (socket=sub, the default; OM's broadcast) or asks for each image with "next"
// (socket=req; OM's responder, CrystFEL's load balancing). In a message of several parts the last one is the
// image. There is no start, no end and no scan in this protocol: the scan's shape has to be given, it is over
// with its last frame, and the next frame begins the next scan.
#pragma once
#include <memory>
#include <string>

#include "streams/crystfel/image_message.hpp"
#include "streams/frame_sink.hpp"
#include "streams/frame_source.hpp"

namespace bragglive::crystfel {

Expected<std::unique_ptr<FrameSource>> open_receiver(const std::string& uri, const SourceOptions& options);
// Publishes (socket=pub, the default) under the topic "ondaframedata".
Expected<std::unique_ptr<FrameSink>> open_sender(const std::string& uri, const SinkOptions& options);

}  // namespace bragglive::crystfel
