// The window over the running engine: how often the map is painted, how late it is, how long the window ever
// stalls. gui_live_bench SOURCE [CALIBRATION] [THREADS] [ROWSxCOLS]
#include <QApplication>
#include <QElapsedTimer>
#include <QTimer>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "gui/live/live_session.hpp"
#include "gui/window/dialogs.hpp"
#include "gui/window/operator_window.hpp"
#include "streams/demo/demo_source.hpp"

using namespace bragglive;
using namespace bragglive::gui;

namespace {

// Sees every paint of the map.
class PaintWatch : public QObject {
 public:
  explicit PaintWatch(MapView& view) : view_(view) { view.installEventFilter(this); }
  std::vector<double> lag_ms;
  bool eventFilter(QObject* object, QEvent* event) override {
    if (event->type() != QEvent::Paint || !view_.raster().snapshot()) return false;
    object->removeEventFilter(this);
    QApplication::sendEvent(object, event);
    object->installEventFilter(this);
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const MapSnapshot& map = *view_.raster().snapshot();
    if (map.generation != last_)
      lag_ms.push_back(static_cast<double>(std::chrono::nanoseconds(now).count()) / 1e6 -
                       static_cast<double>(map.published_ns) / 1e6);
    last_ = map.generation;
    return true;
  }

 private:
  MapView& view_;
  std::uint64_t last_ = ~std::uint64_t{0};
};

double at(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  QApplication app(argc, argv);
  LiveSession session(demo_factories());
  OperatorWindow window(session, ThemeKind::dark, nullptr, true);
  window.set_dialogs(false);
  window.show();
  PaintWatch watch(window.map_view());
  OpenRequest request;
  request.source = QString::fromLocal8Bit(argc > 1 ? argv[1] : "demo:gold");
  request.model = QStringLiteral("default");
  if (argc > 2) request.calibration = QString::fromLocal8Bit(argv[2]);
  if (argc > 3) request.threads = static_cast<unsigned>(std::atoi(argv[3]));
  if (argc > 4) request.scan = scan_from_text(QString::fromLocal8Bit(argv[4]));
  QObject::connect(&session, &SessionPort::failed, &app, [&](const QString& message) {
    std::fprintf(stderr, "%s\n", qPrintable(message));
    app.exit(3);
  });
  // A heart that beats every 5 ms: the longest pause between two beats is the longest stall of the window.
  QElapsedTimer beat, run;
  std::vector<double> pauses;
  QTimer heart;
  heart.setTimerType(Qt::PreciseTimer);
  QObject::connect(&heart, &QTimer::timeout, &app, [&] {
    if (session.state() != SessionState::scanning && !session.snapshot()) return;
    if (!run.isValid()) run.start();
    if (beat.isValid()) pauses.push_back(static_cast<double>(beat.nsecsElapsed()) / 1e6);
    beat.start();
    if (session.state() == SessionState::finished) app.quit();
  });
  heart.start(5);
  window.open(request);
  const int code = app.exec();
  if (code != 0) return code;
  const double seconds = static_cast<double>(run.elapsed()) / 1000;
  const RunTimes times = session.session()->times();
  const ScanShape scan = session.snapshot()->scan;
  std::printf("%u x %u positions in %.1f s: %.0f frames/s\n", scan.rows, scan.cols, seconds,
              static_cast<double>(times.frames) / times.seconds);
  std::printf(
      "map painted %.1f times a second; from publication to paint median %.1f ms, 99 %% %.1f ms, worst %.1f "
      "ms "
      "(limit 200 ms)\n",
      static_cast<double>(watch.lag_ms.size()) / seconds, at(watch.lag_ms, 0.5), at(watch.lag_ms, 0.99),
      at(watch.lag_ms, 1));
  std::printf("longest stall of the window %.1f ms, 99 %% of pauses under %.1f ms\n", at(pauses, 1),
              at(pauses, 0.99));
  return 0;
}
