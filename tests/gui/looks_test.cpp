// Renders the window in many situations; with BRAGGLIVE_SCREENSHOTS=DIR the pictures are kept for a person to
// look at.
#include <QApplication>
#include <QPainter>
#include <set>

#include "gui/pattern/pattern_view.hpp"
#include "gui/save/map_picture.hpp"
#include "gui/window/operator_window.hpp"
#include "tests/catch.hpp"
#include "tests/gui/stand_in_session.hpp"

using namespace bragglive;
using namespace bragglive::gui;
using namespace bragglive::gui::test;

namespace {

void keep(const QImage& image, const char* name) {
  const QString folder = qEnvironmentVariable("BRAGGLIVE_SCREENSHOTS");
  if (!folder.isEmpty())
    CHECK(image.save(folder + QLatin1Char('/') + QLatin1String(name) + QStringLiteral(".png")));
}

QImage grab(OperatorWindow& window, const char* name) {
  window.show();
  window.refresh_now();
  QApplication::processEvents();
  const QImage image = window.grab().toImage();
  keep(image, name);
  return image;
}

// How many different colours stand in a part of a picture: a blank part has one.
int colours_in(const QImage& image, QRect part) {
  std::set<QRgb> seen;
  part = part.intersected(image.rect());
  for (int y = part.top(); y <= part.bottom(); ++y)
    for (int x = part.left(); x <= part.right(); ++x) seen.insert(image.pixel(x, y));
  return static_cast<int>(seen.size());
}

}  // namespace

TEST_CASE("an empty window invites, with its three ways to begin enabled") {
  StandInSession session;
  OperatorWindow window(session, ThemeKind::dark, nullptr, true);
  window.set_dialogs(false);
  const QImage image = grab(window, "empty");
  CHECK(window.inviting());
  for (const Command c : {Command::open_recording, Command::connect_endpoint, Command::open_demo})
    CHECK(window.action(c).isEnabled());
  for (const Command c :
       {Command::start, Command::stop, Command::save_picture, Command::save_result, Command::save_table})
    CHECK_FALSE(window.action(c).isEnabled());
  CHECK(colours_in(image, image.rect()) > 50);
}

TEST_CASE("the window shows a scan while it runs and after it") {
  StandInSession session;
  OperatorWindow window(session, ThemeKind::dark, nullptr, true);
  window.set_dialogs(false);
  OpenRequest request;
  request.source = QStringLiteral("tcp://microscope:5555");
  window.open(request);
  session.now = SessionState::scanning;
  session.engine.frames_received = 6000;
  session.engine.frames_per_second = 2345;
  session.engine.data_age_ms = 34;
  session.engine.latency = {12, 48, 92, 6000};
  session.engine.slots = 256;
  session.engine.slots_in_use = 17;
  session.engine.skipped = 12;
  SampleOptions half;
  half.fraction = 0.55;
  session.show(sample_map(half));
  grab(window, "during");
  CHECK_FALSE(window.inviting());
  CHECK(window.action(Command::stop).isEnabled());

  session.now = SessionState::finished;
  session.show(sample_map({}));
  window.pin_best();
  const QImage after = grab(window, "after");
  const QRect map(window.map_view().mapTo(&window, QPoint(0, 0)), window.map_view().size());
  CHECK(colours_in(after, map) > 100);
  const QRect pattern(window.pattern_view().mapTo(&window, QPoint(0, 0)), window.pattern_view().size());
  CHECK(colours_in(after, pattern) > 50);
  keep(map_picture(window.map_view().raster(), ThemeKind::dark, window.caption()), "picture");

  window.set_mode(MapMode::lattice_a);
  grab(window, "lattice");
  window.set_mode(MapMode::bright_field);
  session.keeps_frames = false;
  grab(window, "bright-field");
  window.set_mode(MapMode::reliability);
  window.trigger(Command::zoom_in);
  grab(window, "reliability");
  window.set_mode(MapMode::crystal_system);
  window.map_view().set_zoom(24);
  window.map_view().pin(ScanPosition{11, 17});
  grab(window, "zoomed");
  session.keeps_frames = true;
  window.resize(1100, 720);
  window.trigger(Command::zoom_fit);
  window.action(Command::theme).trigger();
  grab(window, "light-small");
}
