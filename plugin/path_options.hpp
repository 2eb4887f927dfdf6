// The options by which the command and the window say how the probe goes over the scan.
#pragma once
#include <CLI/CLI.hpp>

#include "streams/scan_path.hpp"

namespace bragglive {

// Adds --lead-in, --fly-back, --line-skip, --sync-offset, --serpentine and --rescan.
inline void add_path_arguments(CLI::App& app, ScanPath& path) {
  app.add_option("--lead-in", path.lead_in, "frames before the scan that are no position");
  app.add_option("--fly-back", path.fly_back, "frames behind each line that are no position");
  app.add_option("--line-skip", path.line_skip, "frames before each line that are no position");
  app.add_option("--sync-offset", path.sync_offset,
                 "frames by which the detector runs ahead of the scan; negative: so many are missing at its "
                 "beginning");
  app.add_flag("--serpentine", path.serpentine, "every other line is scanned backwards");
  app.add_flag("--rescan", path.repeated, "scan follows scan within one series of frames");
}

}  // namespace bragglive
