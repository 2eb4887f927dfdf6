// A sink behind scan hardware: frames before the scan and between its lines, lines backwards. The counterpart
// of follow_path().
#pragma once
#include <memory>

#include "streams/frame_sink.hpp"
#include "streams/scan_path.hpp"

namespace bragglive {

// Frames come in row by row; they go out in the order of the path, numbered as a detector numbers them, with
// copies of a neighbour where the path has a frame without a position. The scan's shape is not told.
std::unique_ptr<FrameSink> send_along(std::unique_ptr<FrameSink> sink, const ScanPath& path);

}  // namespace bragglive
