// How much of the 33 ms between two pictures the map needs at 1024x1024 positions: everything new, 32 rows
// new, and painting.
#include <QApplication>
#include <QElapsedTimer>
#include <QImage>
#include <algorithm>
#include <cstdio>
#include <vector>

#include "gui/map/map_view.hpp"
#include "tests/gui/sample_map.hpp"

using namespace bragglive;
using namespace bragglive::gui;

namespace {

constexpr double k_budget_ms = 1000.0 / 30;

// `prepare` stands for the engine and is not measured.
template <class Prepare, class Work>
void measure(const char* what, Prepare prepare, Work work) {
  std::vector<double> ms;
  for (int i = 0; i < 31; ++i) {
    prepare();
    QElapsedTimer clock;
    clock.start();
    work();
    ms.push_back(static_cast<double>(clock.nsecsElapsed()) / 1e6);
  }
  ms.erase(ms.begin());  // warm-up
  std::sort(ms.begin(), ms.end());
  std::printf("%-44s median %6.2f ms  worst %6.2f ms  = %5.1f %% of the 30 Hz budget\n", what, ms[15],
              ms.back(), 100 * ms[15] / k_budget_ms);
}

std::shared_ptr<const MapSnapshot> with_new_rows(const MapSnapshot& map, std::uint32_t first,
                                                 std::uint32_t count) {
  auto next = std::make_shared<MapSnapshot>(map);
  for (std::uint32_t r = first; r < first + count; ++r)
    next->rows[r % map.scan.rows] = std::make_shared<MapRow>(*map.rows[r % map.scan.rows]);
  return next;
}

}  // namespace

int main(int argc, char** argv) {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  QApplication app(argc, argv);
  test::SampleOptions options;
  options.scan = {1024, 1024};
  auto map = test::sample_map(options);
  MapView view(ThemeKind::dark);
  view.resize(1024, 1024);
  view.show();
  view.show_snapshot(map);
  QImage screen(view.size(), QImage::Format_RGB32);
  const auto paint = [&] { view.render(&screen); };
  std::uint32_t row = 0;
  for (const MapMode mode : {MapMode::crystal_system, MapMode::lattice_a, MapMode::bright_field}) {
    std::printf("%s, 1024x1024 positions, window of 1024x1024 pixels\n",
                qPrintable(info_of(mode).long_title));
    view.set_mode(mode);
    const auto show_and_paint = [&] {
      view.show_snapshot(map);
      paint();
    };
    measure(
        "  colour every position and paint", [&] { map = with_new_rows(*map, 0, 1024); }, show_and_paint);
    measure(
        "  colour 32 rows and paint", [&] { map = with_new_rows(*map, row += 32, 32); }, show_and_paint);
    measure(
        "  paint", [] {}, paint);
  }
  view.set_mode(MapMode::crystal_system);
  view.set_zoom(0.7);
  measure(
      "  paint, 0.7 pixels per position", [] {}, paint);
  view.set_zoom(13);
  measure(
      "  paint, 13 pixels per position, with marks", [] {}, paint);
  view.resize(2048, 1536);
  screen = QImage(view.size(), QImage::Format_RGB32);
  view.fit();
  measure(
      "  paint, window of 2048x1536 pixels", [] {}, paint);
  return 0;
}
