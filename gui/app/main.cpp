// bragglive-gui: the operator's window.
#include <QApplication>
#include <QSettings>
#include <QTimer>
#include <cstdio>

#include "gui/live/live_session.hpp"
#include "gui/live/options.hpp"
#include "gui/live/unattended.hpp"
#include "gui/window/operator_window.hpp"
#include "plugin/known_crystal/known_crystal.hpp"
#include "streams/demo/demo_source.hpp"

namespace bragglive::gui {
namespace {

// Without a display a screenshot is still possible; a window that nobody can see is not what was asked for.
bool find_display(const ProgramOptions& options) {
  if (qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) return true;
  if (!qEnvironmentVariableIsEmpty("DISPLAY") || !qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY")) return true;
  if (!options.unattended()) return false;
  qputenv("QT_QPA_PLATFORM", "offscreen");
  return true;
}

// The offscreen platform says at every change of size that it has no window manager to tell.
void drop_platform_chatter(QtMsgType, const QMessageLogContext&, const QString& message) {
  if (message.contains(QStringLiteral("propagateSizeHints")) ||
      message.contains(QStringLiteral("XDG_RUNTIME_DIR")))
    return;
  std::fprintf(stderr, "bragglive-gui: %s\n", qPrintable(message));
}

int run(int argc, char** argv) {
  int exit_code = 0;
  const std::optional<ProgramOptions> options = parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  if (!find_display(*options)) {
    std::fprintf(stderr,
                 "bragglive-gui: no display: set DISPLAY or WAYLAND_DISPLAY, or take a --screenshot\n");
    return k_exit_bad_input;
  }
  if (options->unattended()) qInstallMessageHandler(drop_platform_chatter);
  QApplication app(argc, argv);
  QApplication::setOrganizationName(QStringLiteral("bragglive"));
  QApplication::setApplicationName(QStringLiteral("bragglive-gui"));
  QSettings kept;
  // A screenshot must not depend on how somebody arranged the panels.
  QSettings* settings = options->unattended() ? nullptr : &kept;
  LiveSession session(demo_factories(), set_known_crystal);
  OperatorWindow window(session, options->light ? ThemeKind::light : ThemeKind::dark, settings, true);
  OpenRequest request = options->request;
  if (settings && request.calibration.isEmpty() && request.source.isEmpty())
    request.calibration = window.request().calibration;
  window.set_request(request);
  window.set_mode(static_cast<MapMode>(options->view - 1));
  window.show();
  std::optional<Unattended> unattended;
  if (options->unattended()) {
    window.set_dialogs(false);
    unattended.emplace(window, session, *options);
  }
  if (!request.source.isEmpty()) QTimer::singleShot(0, &window, [&window, request] { window.open(request); });
  return QApplication::exec();
}

}  // namespace
}  // namespace bragglive::gui

int main(int argc, char** argv) {
  return bragglive::gui::run(argc, argv);
}
