// Dark for a microscope room, light for an office and for print.
#pragma once
#include <QColor>
#include <QString>
#include <cstdint>

class QApplication;

namespace bragglive::gui {

enum class ThemeKind : std::uint8_t { dark = 1, light };

struct Theme {
  QColor window, panel, raised, line;  // backgrounds from back to front, and the lines between them
  QColor text, dim;                    // dim text still has 4.5:1 on window and panel
  QColor accent;                       // selection, links, the cursor's own colour
  QColor good, warning, fault;         // state chips and counters
};
const Theme& theme(ThemeKind kind);
void apply_theme(QApplication& app, ThemeKind kind);

}  // namespace bragglive::gui
