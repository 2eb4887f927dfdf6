// Snapshots as pictures: colours, states, dirty rows, contrast.
#include <QLabel>
#include <cmath>

#include "gui/map/legend_panel.hpp"
#include "gui/map/map_raster.hpp"
#include "gui/map/position_text.hpp"
#include "tests/catch.hpp"
#include "tests/gui/sample_map.hpp"

using namespace bragglive;
using namespace bragglive::gui;
using namespace bragglive::gui::test;

namespace {

constexpr auto u8(PositionState s) {
  return static_cast<std::uint8_t>(s);
}

// One position per state, then cubic at low and high confidence.
std::shared_ptr<const MapSnapshot> states_map() {
  const auto row = empty_row(10);
  for (std::size_t c = 0; c < 8; ++c) row->state[c] = row->raw_state[c] = static_cast<std::uint8_t>(c);
  for (const std::size_t c : {1UL, 8UL, 9UL}) {
    row->state[c] = row->raw_state[c] = u8(PositionState::labelled);
    row->system[c] = row->raw_system[c] = row->filtered_system[c] = 7;
  }
  row->confidence[1] = row->confidence[9] = 1;
  row->confidence[8] = 0.3F;
  row->filtered_system[2] = 7;
  row->settled.assign(10, 1);
  row->settled[9] = 0;
  return map_of({row}, 10);
}

}  // namespace

TEST_CASE("each state has the look that the legend promises") {
  MapRaster raster(ThemeKind::dark);
  REQUIRE(raster.show(states_map()) == 1);
  const MapPalette& p = raster.palette();
  const QImage& image = raster.image();
  REQUIRE(image.size() == QSize(10, 1));
  CHECK(image.pixel(0, 0) == p.ground);
  CHECK(image.pixel(1, 0) == p.system[7]);
  CHECK(image.pixel(3, 0) == p.too_few_disks);
  CHECK(image.pixel(4, 0) == p.skipped);
  CHECK(image.pixel(5, 0) == p.missing);
  CHECK(image.pixel(6, 0) == p.corrupt);
  CHECK(image.pixel(7, 0) == p.late);
  // Low confidence: the dark hue of the system that came nearest, unlike everything else.
  CHECK(qRed(image.pixel(2, 0)) > qBlue(image.pixel(2, 0)));
  CHECK(qRed(image.pixel(2, 0)) < qRed(image.pixel(8, 0)));
  CHECK(qRed(image.pixel(8, 0)) < qRed(image.pixel(1, 0)));
  CHECK(qRed(image.pixel(9, 0)) < qRed(image.pixel(1, 0)));  // provisional
}

TEST_CASE("lightness can mean confidence, the filtered margin, or nothing") {
  const auto row = empty_row(3);
  for (std::size_t c = 0; c < 3; ++c) {
    row->state[c] = row->raw_state[c] = u8(PositionState::labelled);
    row->system[c] = row->raw_system[c] = 6;
  }
  row->confidence = {0.2F, 0.9F, 0.9F};
  row->filtered_margin = {0.9F, 0.1F, std::nanf("")};
  row->raw_system[2] = 7;  // outvoted by its neighbours
  const auto step = [&](std::size_t col, Lightness lightness) {
    return lightness_step(LabelScheme(), *row, col, lightness);
  };
  CHECK(step(0, Lightness::confidence) < step(1, Lightness::confidence));
  CHECK(step(2, Lightness::confidence) == 0);
  CHECK(step(0, Lightness::margin) > step(1, Lightness::margin));
  CHECK(step(2, Lightness::margin) == 0);
  CHECK(step(0, Lightness::none) == 255);
}

TEST_CASE("with a specimen model the colours are those of the phases, not of their crystal systems") {
  const auto row = empty_row(3);
  for (std::size_t c = 0; c < 3; ++c) {
    row->state[c] = row->raw_state[c] = u8(PositionState::labelled);
    row->system[c] = row->raw_system[c] = row->filtered_system[c] = 7;
    row->confidence[c] = 1;
    row->settled[c] = 1;
  }
  row->phase = row->raw_phase = row->filtered_phase = {1, 2, 0};
  row->state[2] = u8(PositionState::low_confidence);
  const auto systems = map_of({row}, 3);
  MapRaster raster(ThemeKind::dark);
  raster.show(systems);
  CHECK(raster.image().pixel(0, 0) == raster.image().pixel(1, 0));
  auto phases = std::make_shared<MapSnapshot>(*systems);
  phases->series_id = 2;
  phases->phases =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"none of these", "Au", "Si"});
  phases->phase_counts = {1, 1, 1};
  raster.show(phases);
  CHECK(raster.image().pixel(0, 0) != raster.image().pixel(1, 0));
  CHECK(position_html(*phases, {0, 0}).contains(QStringLiteral("Au")));
  CHECK(position_html(*phases, {0, 1}).contains(QStringLiteral("Si")));
  CHECK(position_html(*phases, {0, 2}).contains(QStringLiteral("none of these")));
  LegendPanel legend(ThemeKind::dark);
  const auto shown = [&](const QString& text) {
    for (const QLabel* label : legend.findChildren<QLabel*>())
      if (!label->isHidden() && label->text() == text) return true;
    return false;
  };
  CHECK(shown(QStringLiteral("cubic")));
  CHECK_FALSE(shown(QStringLiteral("none of these")));
  legend.show_snapshot(phases.get());
  CHECK(shown(QStringLiteral("Au")));
  CHECK(shown(QStringLiteral("none of these")));
  CHECK_FALSE(shown(QStringLiteral("cubic")));
  legend.show_snapshot(systems.get());
  CHECK(shown(QStringLiteral("cubic")));
}

TEST_CASE("only rows that changed are coloured again") {
  SampleOptions options;
  options.fraction = 0.5;
  const auto map = sample_map(options);
  MapRaster raster(ThemeKind::dark);
  CHECK(raster.show(map) == 96);
  CHECK(raster.show(map) == 0);
  auto next = std::make_shared<MapSnapshot>(*map);
  const auto row = std::make_shared<MapRow>(*map->rows[50]);
  row->state.assign(96, u8(PositionState::corrupt));
  next->rows[50] = row;
  CHECK(raster.show(next) == 1);
  CHECK(raster.image().pixel(5, 50) == raster.palette().corrupt);
  CHECK(raster.image().pixel(5, 51) == raster.palette().ground);
  // Another scan of the same size is another picture.
  auto other = std::make_shared<MapSnapshot>(*next);
  other->series_id = 77;
  CHECK(raster.show(other) == 96);
}

TEST_CASE("a picture after many steps equals one made at once") {
  MapRaster grown(ThemeKind::dark), fresh(ThemeKind::dark);
  for (const double fraction : {0.1, 0.35, 0.8, 1.0}) {
    SampleOptions options;
    options.fraction = fraction;
    grown.show(sample_map(options));
  }
  fresh.show(sample_map({}));
  CHECK(grown.image() == fresh.image());
}

TEST_CASE("the contrast of numbers comes from positions that have one") {
  const auto row = empty_row(100);
  for (std::size_t c = 0; c < 100; ++c) {
    row->raw_state[c] = row->state[c] = u8(PositionState::labelled);
    row->bright_field[c] = 1000 + static_cast<float>(c);
    row->lattice[0][c] = 4;
  }
  row->bright_field[3] = std::nanf("");
  row->state[3] = row->raw_state[3] = u8(PositionState::missing);
  row->state[4] = u8(PositionState::low_confidence);
  const auto map = map_of({row}, 100);
  const auto range = range_of(*map, MapMode::bright_field);
  REQUIRE(range);
  CHECK(range->low == Approx(1001).margin(2));
  CHECK(range->high == Approx(1098).margin(2));
  CHECK(std::isnan(value_at(*row, 3, MapMode::bright_field)));
  CHECK(std::isnan(value_at(*row, 4, MapMode::lattice_a)));  // no label, no lattice
  CHECK(value_at(*row, 5, MapMode::lattice_a) == 4);
  const auto flat = range_of(*map, MapMode::lattice_a);
  REQUIRE(flat);
  CHECK(flat->low < 4);
  CHECK(flat->high > 4);
  CHECK_FALSE(range_of(*map_of({empty_row(9)}, 9), MapMode::dark_field));

  MapRaster raster(ThemeKind::dark);
  raster.show(map);
  raster.set_mode(MapMode::bright_field);
  CHECK(raster.image().pixel(0, 0) == ramp(RampKind::viridian).front());
  CHECK(raster.image().pixel(99, 0) == ramp(RampKind::viridian).back());
  CHECK(raster.image().pixel(3, 0) == raster.palette().missing);
}

TEST_CASE("a range follows the data but does not flicker") {
  CHECK_FALSE(worth_changing({0, 100}, {1, 101}));
  CHECK(worth_changing({0, 100}, {0, 110}));
  CHECK(worth_changing({0, 100}, {-9, 100}));
}
