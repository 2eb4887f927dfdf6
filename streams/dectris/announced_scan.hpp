// The scan's shape where a DECTRIS stream or file says it: ARINA's names, or the plain ones.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "core/frame/scan_geometry.hpp"
#include "streams/scan_path.hpp"

namespace bragglive::dectris {

struct AnnouncedScan {
  ScanShape scan;
  std::uint64_t prescan = 0;  // frames that are no positions: at the beginning, or on each line
};

// From user_data (stream v2) or the header appendix (v1), as metadata: its keys as "user_data.KEY", or a text
// that is a JSON object. Keys: NumPixelsY, NumPixelsX, NumPixelsPrescan (ARINA), or scan_rows, scan_cols, or
// scan_shape [rows, cols].
std::optional<AnnouncedScan> announced_scan(const std::map<std::string, std::string>& metadata);

// How a series of so many frames goes over the scan; nullopt: the numbers do not agree.
std::optional<ScanPath> path_of(const AnnouncedScan& announced, std::uint64_t frames);

}  // namespace bragglive::dectris
