// The command line of bragglive-gui.
#pragma once
#include <QString>
#include <optional>

#include "core/frame/scan_geometry.hpp"
#include "gui/window/session_port.hpp"

namespace bragglive::gui {

constexpr int k_exit_usage = 2;
constexpr int k_exit_bad_input = 3;

struct ProgramOptions {
  OpenRequest request;
  QString screenshot;         // of the window after the scan; then the program ends
  QString screenshot_during;  // of the window when about half of the scan is there
  QString picture;            // the map alone with its legend, as "Save picture" makes it
  std::optional<ScanPosition> pin;
  int view = 1;  // 1..10, in the order of the tabs
  bool light = false;
  bool unattended() const {
    return !screenshot.isEmpty() || !screenshot_during.isEmpty() || !picture.isEmpty();
  }
};

// nullopt: the program ends with `exit_code` (0 after --help); what was wrong stands on stderr in one line.
std::optional<ProgramOptions> parse_options(int argc, const char* const* argv, int& exit_code);

}  // namespace bragglive::gui
