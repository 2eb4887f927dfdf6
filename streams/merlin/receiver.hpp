// Quantum Detectors Merlin as a frame source: listens on the data port (6342). Acquisitions are started at
// the detector.
//
// A scan begins with the acquisition header ("HDR") and the first frame; its shape is options.scan, or ScanX
// and ScanY, or one line for each trigger, or one row. It ends with the last of the frames that the header
// announces. The detector may go away and come back.
#pragma once
#include <memory>
#include <string>

#include "streams/frame_sink.hpp"
#include "streams/frame_source.hpp"

namespace bragglive::merlin {

Expected<std::unique_ptr<FrameSource>> open_receiver(const std::string& uri, const SourceOptions& options);
// The detector simulated: binds the data port, serves one client, sends cooked big-endian frames.
Expected<std::unique_ptr<FrameSink>> open_sender(const std::string& uri, const SinkOptions& options);

}  // namespace bragglive::merlin
