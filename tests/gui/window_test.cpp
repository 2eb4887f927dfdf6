// The window as an operator uses it: slider, clicks, keys, boxes.
#include <QAction>
#include <QApplication>
#include <QCheckBox>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QSlider>
#include <QTest>
#include <QWheelEvent>
#include <set>

#include "gui/map/filter_panel.hpp"
#include "gui/map/legend_panel.hpp"
#include "gui/map/position_text.hpp"
#include "gui/status/status_strip.hpp"
#include "gui/window/dialogs.hpp"
#include "gui/window/operator_window.hpp"
#include "tests/catch.hpp"
#include "tests/gui/stand_in_session.hpp"

using namespace bragglive;
using namespace bragglive::gui;
using namespace bragglive::gui::test;

namespace {

struct Desk {
  StandInSession session;
  OperatorWindow window{session, ThemeKind::dark, nullptr, true};
  Desk() {
    window.set_dialogs(false);
    session.now = SessionState::scanning;
    session.show(sample_map({}));
    window.show();
    window.activateWindow();
    QApplication::processEvents();
  }
  QPointF middle_of(ScanPosition at) {
    return window.map_view().transform().cell(at).center() / window.map_view().devicePixelRatioF();
  }
  void mouse(QEvent::Type type, QPointF at, Qt::MouseButtons held) {
    QMouseEvent event(type, at, window.map_view().mapToGlobal(at), Qt::LeftButton, held, Qt::NoModifier);
    QApplication::sendEvent(&window.map_view(), &event);
  }
  void click(ScanPosition at) {
    mouse(QEvent::MouseButtonPress, middle_of(at), Qt::LeftButton);
    mouse(QEvent::MouseButtonRelease, middle_of(at), Qt::NoButton);
  }
};

}  // namespace

TEST_CASE("a click pins a position and asks for its pattern; Esc follows the beam again") {
  Desk desk;
  CHECK(desk.window.map_view().cursor() == ScanPosition{95, 95});  // the newest one
  desk.click({20, 33});
  CHECK(desk.window.map_view().pinned());
  REQUIRE_FALSE(desk.session.asked.empty());
  CHECK(desk.session.asked.back() == ScanPosition{20, 33});
  desk.window.action(Command::follow_beam).trigger();
  CHECK_FALSE(desk.window.map_view().pinned());
  CHECK(desk.window.map_view().cursor() == ScanPosition{95, 95});
}

TEST_CASE("arrows move the cursor and stop at the border") {
  Desk desk;
  desk.click({1, 1});
  desk.window.action(Command::cursor_right).trigger();
  desk.window.action(Command::cursor_down).trigger();
  CHECK(desk.window.map_view().cursor() == ScanPosition{2, 2});
  desk.window.action(Command::cursor_far_up).trigger();
  desk.window.action(Command::cursor_far_left).trigger();
  CHECK(desk.window.map_view().cursor() == ScanPosition{0, 0});
  CHECK(desk.session.asked.back() == ScanPosition{0, 0});
}

TEST_CASE("a drag pans and does not pin; the wheel zooms about the pointer") {
  Desk desk;
  MapView& map = desk.window.map_view();
  const QPointF start = desk.middle_of({40, 40});
  desk.mouse(QEvent::MouseButtonPress, start, Qt::LeftButton);
  desk.mouse(QEvent::MouseMove, start + QPointF(30, 20), Qt::LeftButton);
  desk.mouse(QEvent::MouseButtonRelease, start + QPointF(30, 20), Qt::NoButton);
  CHECK_FALSE(map.pinned());
  CHECK(map.transform().position_at(start + QPointF(30, 20)) == ScanPosition{40, 40});
  const double before = map.transform().zoom();
  const QPointF at = desk.middle_of({50, 60});
  QWheelEvent wheel(at, map.mapToGlobal(at), {}, {0, 240}, Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase,
                    false);
  QApplication::sendEvent(&map, &wheel);
  CHECK(map.transform().zoom() > 1.5 * before);
  CHECK(map.transform().position_at(at) == ScanPosition{50, 60});
  desk.window.action(Command::zoom_1).trigger();
  CHECK(map.transform().zoom() == Approx(1));
  desk.window.action(Command::zoom_fit).trigger();
  CHECK(map.transform().zoom() == Approx(before));
}

TEST_CASE("the threshold slider acts on the stored planes at once and can be undone") {
  Desk desk;
  const auto labelled = [&] {
    return desk.session.map->states[static_cast<std::size_t>(PositionState::labelled)];
  };
  const std::uint64_t before = labelled();
  const QImage picture = desk.window.map_view().raster().image();
  const double first = desk.window.filter_panel().threshold();
  auto* slider = desk.window.filter_panel().findChild<QSlider*>();
  slider->setValue(FilterPanel::slider_of(0.4));
  REQUIRE_FALSE(desk.session.thresholds.empty());
  CHECK(desk.session.thresholds.back() == Approx(0.4).margin(0.001));
  CHECK(labelled() < before);
  CHECK(desk.window.map_view().raster().image() != picture);
  desk.window.action(Command::undo).trigger();
  CHECK(desk.session.thresholds.back() == Approx(first));
  desk.window.action(Command::redo).trigger();
  CHECK(desk.session.thresholds.back() == Approx(0.4).margin(0.001));
  const std::size_t told = desk.session.thresholds.size();
  desk.window.action(Command::threshold_up).trigger();
  CHECK(desk.session.thresholds.size() == told + 1);
  CHECK(desk.session.thresholds.back() > 0.4);
}

TEST_CASE("slider positions and thresholds belong together") {
  CHECK(FilterPanel::threshold_of(0) == 0);
  CHECK(FilterPanel::threshold_of(1000) == 1);
  for (const double t : {0.005, 0.02, 0.1, 0.5, 0.9})
    CHECK(FilterPanel::threshold_of(FilterPanel::slider_of(t)) == Approx(t).epsilon(0.02));
}

TEST_CASE("filter and system boxes reach the engine; all boxes ticked means no choice") {
  Desk desk;
  desk.window.action(Command::filter).trigger();
  CHECK(desk.session.filters == std::vector<bool>{false});
  CHECK(desk.window.legend_panel().allowed_systems().empty());
  for (QCheckBox* box : desk.window.legend_panel().findChildren<QCheckBox*>())
    if (box->accessibleName() == QStringLiteral("allow cubic")) box->setChecked(false);
  CHECK(desk.session.systems.size() == 6);
  CHECK(std::find(desk.session.systems.begin(), desk.session.systems.end(), CrystalSystem::cubic) ==
        desk.session.systems.end());
}

TEST_CASE("every view has a key and shows another picture") {
  Desk desk;
  std::vector<QImage> pictures;
  for (int i = 0; i < k_map_modes; ++i) {
    desk.window.trigger(static_cast<Command>(static_cast<int>(Command::view_crystal_system) + i));
    CHECK(desk.window.map_view().raster().mode() == static_cast<MapMode>(i));
    for (const QImage& other : pictures) CHECK(other != desk.window.map_view().raster().image());
    pictures.push_back(desk.window.map_view().raster().image().copy());
  }
}

TEST_CASE("a paused view stays while the engine goes on") {
  Desk desk;
  const QImage before = desk.window.map_view().raster().image();
  desk.window.action(Command::pause_view).trigger();
  desk.session.show(with_threshold(*desk.session.map, 0.5));
  CHECK(desk.window.map_view().raster().image() == before);
  desk.window.action(Command::pause_view).trigger();
  CHECK(desk.window.map_view().raster().image() != before);
}

TEST_CASE("keys: no two commands share one, and all stand in the key map") {
  std::set<QString> seen;
  for (const CommandInfo& info : commands())
    for (const QKeySequence& key : info.keys) {
      INFO(info.text.toStdString());
      REQUIRE_FALSE(key.isEmpty());
      CHECK(seen.insert(key.toString()).second);
      CHECK(key_map_html().contains(key.toString(QKeySequence::NativeText).toHtmlEscaped()));
    }
  CHECK(seen.size() > 35);
}

TEST_CASE("a failure is shown, and the window can still be used") {
  Desk desk;
  Q_EMIT desk.session.failed(QStringLiteral("cannot open x.npy: no such file"));
  CHECK(desk.window.last_message().contains(QStringLiteral("x.npy")));
  CHECK(desk.window.action(Command::open_recording).isEnabled());
}

TEST_CASE("a smaller scan after a larger one: the pin outside it is let go") {
  Desk desk;
  desk.click({90, 90});
  SampleOptions small;
  small.scan = {20, 30};
  small.series_id = 2;
  desk.session.show(sample_map(small));
  CHECK_FALSE(desk.window.map_view().pinned());
  CHECK(desk.window.map_view().raster().image().size() == QSize(30, 20));
  desk.window.refresh_now();
}

TEST_CASE("the tooltip says why there is no label") {
  const auto row = empty_row(8);
  for (std::size_t c = 0; c < 8; ++c) row->state[c] = row->raw_state[c] = static_cast<std::uint8_t>(c);
  row->filtered_system[2] = 6;
  row->filtered_margin[2] = 0.003F;
  const auto map = map_of({row}, 8);
  CHECK(position_html(*map, {0, 0}).contains(QStringLiteral("not scanned yet")));
  CHECK(position_html(*map, {0, 2}).contains(QStringLiteral("hexagonal 0.003, threshold 0.005")));
  CHECK(position_html(*map, {0, 3}).contains(QStringLiteral("too few disks")));
  CHECK(position_html(*map, {0, 4}).contains(QStringLiteral("skipped")));
  CHECK(position_html(*map, {0, 5}).contains(QStringLiteral("never came")));
  CHECK(position_html(*map, {0, 6}).contains(QStringLiteral("could not be read")));
  CHECK(position_html(*map, {0, 7}).contains(QStringLiteral("closed")));
}

TEST_CASE("faults: the first is amber, more than one in a hundred is red") {
  CHECK(alarm_of(0, 100) == Alarm::none);
  CHECK(alarm_of(1, 1000) == Alarm::amber);
  CHECK(alarm_of(10, 1000) == Alarm::amber);
  CHECK(alarm_of(11, 1000) == Alarm::red);
  CHECK(alarm_of(1, 0) == Alarm::red);
}

TEST_CASE("time left comes from the rate so far") {
  ProgressEstimate estimate;
  estimate.add(0, 0, 1000);
  CHECK_FALSE(estimate.seconds_left());
  for (int i = 1; i <= 10; ++i) estimate.add(i, static_cast<std::uint64_t>(50 * i), 1000);
  REQUIRE(estimate.seconds_left());
  CHECK(*estimate.seconds_left() == Approx(10).margin(0.1));
  CHECK(estimate.fraction() == Approx(0.5));
  estimate.add(11, 1000, 1000);
  CHECK_FALSE(estimate.seconds_left());
  CHECK(duration_text(7) == QStringLiteral("0:07"));
  CHECK(duration_text(3723) == QStringLiteral("1:02:03"));
}

TEST_CASE("scan shapes are read as people write them") {
  CHECK(scan_from_text(QStringLiteral("256x128")) == ScanShape{256, 128});
  CHECK(scan_from_text(QStringLiteral(" 14 × 109 ")) == ScanShape{14, 109});
  for (const char* wrong : {"", "256", "0x5", "axb", "256x", "99999x99999", "-1x5"})
    CHECK_FALSE(scan_from_text(QString::fromUtf8(wrong)));
}

TEST_CASE("the keys themselves: arrows and digits on the map, arrows on the slider stay the slider's") {
  Desk desk;
  REQUIRE(QTest::qWaitForWindowActive(&desk.window));
  MapView& map = desk.window.map_view();
  map.setFocus();
  desk.click({10, 10});
  QTest::keyClick(&map, Qt::Key_Right);
  QTest::keyClick(&map, Qt::Key_Down, Qt::ShiftModifier);
  CHECK(map.cursor() == ScanPosition{20, 11});
  QTest::keyClick(&map, Qt::Key_2);
  CHECK(map.transform().zoom() == Approx(2));
  QTest::keyClick(&map, Qt::Key_0);
  CHECK(map.transform().fitted());
  QTest::keyClick(&map, Qt::Key_4, Qt::ControlModifier);
  CHECK(map.raster().mode() == MapMode::lattice_b);
  QTest::keyClick(&map, Qt::Key_Escape);
  CHECK_FALSE(map.pinned());

  auto* slider = desk.window.filter_panel().findChild<QSlider*>();
  slider->setFocus();
  const double before = desk.window.filter_panel().threshold();
  desk.click({10, 10});
  slider->setFocus();
  QTest::keyClick(slider, Qt::Key_Right);
  CHECK(desk.window.filter_panel().threshold() > before);
  CHECK(map.cursor() == ScanPosition{10, 10});
}

TEST_CASE("the window fits on a small screen") {
  Desk desk;
  desk.window.resize(1024, 700);
  QApplication::processEvents();
  CHECK(desk.window.width() <= 1180);
  CHECK(desk.window.height() <= 760);
}
