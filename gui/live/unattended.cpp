#include "gui/live/unattended.hpp"

#include <QApplication>
#include <cstdio>

#include "gui/save/map_picture.hpp"

namespace bragglive::gui {

Unattended::Unattended(OperatorWindow& window, LiveSession& session, const ProgramOptions& options)
    : window_(window), session_(session), options_(options) {
  connect(&session_, &SessionPort::failed, this, &Unattended::end_with);
  connect(&session_, &SessionPort::snapshot_ready, this, &Unattended::look);
  connect(&timer_, &QTimer::timeout, this, &Unattended::look);
  timer_.start(50);
}

void Unattended::end_with(const QString& complaint) {
  std::fprintf(stderr, "bragglive-gui: %s\n", qPrintable(complaint));
  timer_.stop();
  qApp->exit(session_.last_failure() && session_.last_failure()->area == ErrorArea::usage ? k_exit_usage
                                                                                          : k_exit_bad_input);
}

bool Unattended::save_window(const QString& file) {
  if (file.isEmpty()) return true;
  if (const auto saved = save_picture(window_.grab().toImage(), file); !saved) {
    end_with(QString::fromStdString(saved.error().message));
    return false;
  }
  return true;
}

void Unattended::look() {
  if (!timer_.isActive() || session_.opening()) return;
  const SessionState state = session_.state();
  if (state == SessionState::failed)
    return end_with(QString::fromStdString(session_.session()->last_error()));
  const auto map = session_.snapshot();
  if (!map) return;
  const std::uint64_t done =
      map->scan.positions() - map->states[static_cast<std::size_t>(PositionState::pending)];
  if (!during_taken_ && 2 * done >= map->scan.positions()) {
    during_taken_ = true;
    window_.refresh_now();
    if (!save_window(options_.screenshot_during)) return;
  }
  const bool over = state == SessionState::finished || state == SessionState::stopped;
  if (over && map->finished) finish();
}

void Unattended::finish() {
  timer_.stop();
  window_.refresh_now();
  if (options_.pin)
    window_.map_view().pin(options_.pin);
  else
    window_.pin_best();
  window_.refresh_now();
  if (!save_window(options_.screenshot)) return;
  if (!options_.picture.isEmpty()) {
    const QImage picture = map_picture(
        window_.map_view().raster(), options_.light ? ThemeKind::light : ThemeKind::dark, window_.caption());
    if (const auto saved = save_picture(picture, options_.picture); !saved)
      return end_with(QString::fromStdString(saved.error().message));
  }
  // The scan's result is saved on another thread; after stop() it has been, and a failure waits in the queue.
  session_.stop();
  QTimer::singleShot(0, this, [this] {
    if (session_.last_failure()) return end_with(QString::fromStdString(session_.last_failure()->message));
    qApp->exit(0);
  });
}

}  // namespace bragglive::gui
