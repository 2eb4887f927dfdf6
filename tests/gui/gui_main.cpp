// Catch2 inside a QApplication that needs no display.
#include <QApplication>

#define CATCH_CONFIG_RUNNER
#include "gui/colour/theme.hpp"
#include "tests/catch.hpp"

int main(int argc, char** argv) {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  QApplication app(argc, argv);
  bragglive::gui::apply_theme(app, bragglive::gui::ThemeKind::dark);
  return Catch::Session().run(argc, argv);
}
