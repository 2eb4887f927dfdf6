// DECTRIS detectors (ARINA, QUADRO, ELA, EIGER) as frame sources: SIMPLON stream v1 (port 9999) and v2 (port
// 31001).
//
// Listening is enough: a PULL socket connects to the detector's PUSH socket. A scan starts with the first
// image of a series, whose header may have said its length (exte/inte: ntrigger frames, else nimages x
// ntrigger); the scan's shape comes from options.scan, or from the header's appendix or user
// data (announced_scan.hpp). Connected after the arm, with options.scan given, the
// first image alone starts the scan. Of several thresholds options.channel chooses one; the default is
// "threshold_1", or else the first. With options.rest the detector's REST interface is read as well: settings
// that do not fit the stream and dropped images are said. Images are passed on in the encoding they came in.
#pragma once
#include <memory>
#include <string>

#include "streams/frame_source.hpp"

namespace bragglive::dectris {

Expected<std::unique_ptr<FrameSource>> open_stream1(const std::string& uri, const SourceOptions& options);
Expected<std::unique_ptr<FrameSource>> open_stream2(const std::string& uri, const SourceOptions& options);

}  // namespace bragglive::dectris
