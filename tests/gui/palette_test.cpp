// The colours of the map can be told apart, also by people who see fewer of them.
#include "gui/colour/looks.hpp"
#include "gui/colour/oklab.hpp"
#include "gui/colour/ramp.hpp"
#include "gui/map/legend_panel.hpp"
#include "tests/catch.hpp"
#include "tests/gui/vision.hpp"

using namespace bragglive;
using namespace bragglive::gui;
using namespace bragglive::gui::test;

namespace {

std::vector<CrystalSystem> listed_systems() {
  std::vector<CrystalSystem> out;
  for (const std::uint8_t number : LabelScheme().listed()) out.push_back(static_cast<CrystalSystem>(number));
  return out;
}

}  // namespace

TEST_CASE("the distance is CIEDE2000") {
  // Sharma, Wu, Dalal 2005, table 1, pairs 1, 7 and 17.
  CHECK(distance(Triple{50, 2.6772, -79.7751}, Triple{50, 0, -82.7485}) == Approx(2.0425).margin(1e-4));
  CHECK(distance(Triple{50, 0, 0}, Triple{50, -1, 2}) == Approx(2.3669).margin(1e-4));
  CHECK(distance(Triple{50, 2.5, 0}, Triple{73, 25, -18}) == Approx(27.1492).margin(1e-4));
}

TEST_CASE("every two crystal systems look different to everybody, in both themes") {
  for (const ThemeKind kind : {ThemeKind::dark, ThemeKind::light})
    for (const Vision vision : {Vision::normal, Vision::deuteranope, Vision::protanope, Vision::tritanope}) {
      const MapPalette& palette = map_palette(kind);
      double nearest = 1e9;
      for (const CrystalSystem one : listed_systems())
        for (const CrystalSystem two : listed_systems())
          if (one != two)
            nearest = std::min(
                nearest, distance(vision, system_colour(palette, one, 1), system_colour(palette, two, 1)));
      INFO("theme " << int(kind) << ", vision " << int(vision));
      CHECK(nearest > 14);  // Okabe and Ito's own seven: 10.9 (tritanope), 11.6 (deuteranope)
    }
}

TEST_CASE(
    "half sure labels still show their system, and look unlike ground, low confidence and too few disks") {
  for (const ThemeKind kind : {ThemeKind::dark, ThemeKind::light}) {
    const MapPalette& palette = map_palette(kind);
    const LookTable looks(palette);
    const auto colour = [&](PositionState state, CrystalSystem system, std::uint8_t step) {
      return looks.colour(static_cast<std::uint8_t>(state), static_cast<std::uint8_t>(system), true, step);
    };
    const QRgb pending = colour(PositionState::pending, CrystalSystem::none, 0);
    const QRgb few = colour(PositionState::too_few_disks, CrystalSystem::none, 0);
    for (const Vision vision : {Vision::normal, Vision::deuteranope}) {
      CHECK(distance(vision, pending, few) > 12);
      double nearest = 1e9;
      for (const CrystalSystem one : listed_systems()) {
        for (const CrystalSystem two : listed_systems())
          if (one != two)
            nearest = std::min(nearest, distance(vision, colour(PositionState::labelled, one, 128),
                                                 colour(PositionState::labelled, two, 128)));
        const QRgb least = colour(PositionState::labelled, one, 0);
        const QRgb low = colour(PositionState::low_confidence, one, 0);
        INFO("theme " << int(kind) << ", vision " << int(vision) << ", " << name_of(one));
        CHECK(distance(vision, least, low) > 4);
        CHECK(distance(vision, low, pending) > 4);
        CHECK(distance(vision, low, few) > 3);
        CHECK(distance(vision, least, pending) > 9);
      }
      CHECK(nearest > 9);
    }
  }
}

TEST_CASE("lost positions look unlike each other and unlike every label") {
  for (const ThemeKind kind : {ThemeKind::dark, ThemeKind::light}) {
    const MapPalette& palette = map_palette(kind);
    const std::array<QRgb, 4> lost = {palette.skipped, palette.missing, palette.corrupt, palette.late};
    for (const Vision vision : {Vision::normal, Vision::deuteranope})
      for (std::size_t i = 0; i < lost.size(); ++i) {
        CHECK(distance(vision, lost[i], palette.ground) > 7);
        CHECK(distance(vision, lost[i], palette.too_few_disks) > 5);
        for (std::size_t k = 0; k < i; ++k) CHECK(distance(vision, lost[i], lost[k]) > 8);
        for (const CrystalSystem system : listed_systems()) {
          INFO("theme " << int(kind) << " lost " << i << ' ' << name_of(system) << " vision " << int(vision));
          CHECK(distance(vision, lost[i], system_colour(palette, system, 1)) > 7);
          const QRgb low =
              mix(palette.ground, palette.system[static_cast<std::size_t>(system)], k_low_confidence_share);
          CHECK(distance(vision, lost[i], low) > 5);
        }
      }
  }
}

TEST_CASE("more confidence is lighter on the dark ground, evenly, and keeps the hue") {
  const MapPalette& palette = map_palette(ThemeKind::dark);
  for (const CrystalSystem system : listed_systems()) {
    double before = to_oklab(palette.ground).lightness;
    const double first = to_oklab(system_colour(palette, system, 0)).lightness;
    const double last = to_oklab(system_colour(palette, system, 1)).lightness;
    for (int i = 0; i <= 10; ++i) {
      const Oklab now = to_oklab(system_colour(palette, system, i / 10.0));
      CHECK(now.lightness > before);
      CHECK(now.lightness == Approx(first + (last - first) * i / 10).margin(0.006));
      before = now.lightness;
    }
  }
}

TEST_CASE("ramps of numbers rise evenly in lightness") {
  for (const RampKind kind : {RampKind::viridian, RampKind::grey}) {
    const Ramp& colours = ramp(kind);
    const double first = to_oklab(colours.front()).lightness, last = to_oklab(colours.back()).lightness;
    CHECK(last - first > 0.6);
    for (std::size_t i = 0; i < colours.size(); ++i) {
      const double t = static_cast<double>(i) / 255;
      CHECK(to_oklab(colours[i]).lightness == Approx(first + t * (last - first)).margin(0.008));
      if (i > 0)
        CHECK(distance(Vision::normal, colours[i - 1], colours[i]) <
              1.6);  // no edge where the data have none
    }
  }
}

TEST_CASE("Oklab goes there and back") {
  for (const QRgb colour : {qRgb(0, 0, 0), qRgb(255, 255, 255), qRgb(252, 184, 11), qRgb(17, 20, 25)})
    CHECK(to_rgb(to_oklab(colour)) == colour);
  CHECK(to_oklab(qRgb(255, 0, 0)).lightness == Approx(0.62796).margin(1e-4));  // Ottosson's own example
}
