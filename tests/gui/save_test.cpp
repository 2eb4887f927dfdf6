// What is saved: the picture with its legend, the table.
#include <sys/resource.h>
#include <sys/stat.h>

#include <QFile>
#include <QFileInfo>
#include <QImage>
#include <QTemporaryDir>
#include <cmath>
#include <csignal>
#include <cstring>
#include <set>

#include "gui/pattern/label_panel.hpp"
#include "gui/pattern/pattern_image.hpp"
#include "gui/pattern/pattern_view.hpp"
#include "gui/pattern/space_group_symbol.hpp"
#include "gui/save/map_picture.hpp"
#include "gui/save/map_table.hpp"
#include "gui/window/dialogs.hpp"
#include "tests/catch.hpp"
#include "tests/gui/sample_map.hpp"

using namespace bragglive;
using namespace bragglive::gui;
using namespace bragglive::gui::test;

namespace {

std::set<QRgb> colours_in(const QImage& image, QRect part) {
  std::set<QRgb> seen;
  for (int y = part.top(); y <= part.bottom(); ++y)
    for (int x = part.left(); x <= part.right(); ++x) seen.insert(image.pixel(x, y));
  return seen;
}

}  // namespace

TEST_CASE("the saved picture holds the map, the legend with every system's colour, and a scale bar") {
  MapRaster raster(ThemeKind::dark);
  raster.show(sample_map({}));
  QTemporaryDir folder;
  const QString file = folder.filePath(QStringLiteral("map.png"));
  REQUIRE(save_picture(
      map_picture(raster, ThemeKind::dark, {QStringLiteral("source"), QStringLiteral("settings")}), file));
  const QImage page(file);
  REQUIRE_FALSE(page.isNull());
  REQUIRE(page.width() > 768 + 200);
  // The map, enlarged by a whole factor: each position is a block of its own colour.
  const int zoom = 8;
  bool found = false;
  for (int offset = 10; offset < 40 && !found; ++offset)
    found = page.pixel(offset + zoom * 47 + 4, offset + zoom * 53 + 4) == raster.image().pixel(47, 53) &&
            page.pixel(offset + zoom * 20 + 4, offset + zoom * 30 + 4) == raster.image().pixel(20, 30);
  CHECK(found);
  const auto legend = colours_in(page, QRect(800, 0, page.width() - 800, page.height() - 60));
  for (std::size_t s = 1; s < 8; ++s) CHECK(legend.count(raster.palette().system[s]) == 1);
  CHECK(legend.count(raster.palette().corrupt) == 1);
  CHECK(legend.count(theme(ThemeKind::dark).text.rgb()) == 1);  // letters
  const auto bar = colours_in(page, QRect(15, 785, 250, 60));
  CHECK(bar.count(theme(ThemeKind::dark).text.rgb()) == 1);
}

TEST_CASE("pictures of narrow and of very small scans keep legend and caption on the page") {
  for (const ScanShape scan : {ScanShape{1, 1}, ScanShape{3, 2}, ScanShape{14, 109}, ScanShape{300, 5}}) {
    SampleOptions options;
    options.scan = scan;
    MapRaster raster(ThemeKind::light);
    raster.show(sample_map(options));
    const QImage page = map_picture(raster, ThemeKind::light, {QStringLiteral("one line")});
    REQUIRE_FALSE(page.isNull());
    const auto seen = colours_in(page, page.rect());
    for (std::size_t s = 1; s < 8; ++s) CHECK(seen.count(raster.palette().system[s]) == 1);
  }
  CHECK(map_picture(MapRaster(ThemeKind::dark), ThemeKind::dark, {}).isNull());
}

TEST_CASE("what cannot be written is said, with the place") {
  MapRaster raster(ThemeKind::dark);
  raster.show(sample_map({}));
  const auto picture =
      save_picture(map_picture(raster, ThemeKind::dark, {}), QStringLiteral("/nowhere/at/all.png"));
  REQUIRE_FALSE(picture);
  CHECK(picture.error().area == ErrorArea::file);
  CHECK(picture.error().message.find("/nowhere/at/all.png") != std::string::npos);
  CHECK_FALSE(save_picture(QImage(), QStringLiteral("x.png")));
  CHECK_FALSE(save_table(*sample_map({}), {}, QStringLiteral("/nowhere/at/all.csv")));
}

TEST_CASE("a full disk is said, and leaves what was there before") {
  QTemporaryDir folder;
  const QString file = folder.filePath(QStringLiteral("map.csv"));
  REQUIRE(save_table(*sample_map({}), {}, file));
  const qint64 before = QFile(file).size();
  struct rlimit old {};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
  const struct rlimit small { 4096, old.rlim_max };
  std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto saved = save_table(*sample_map({}), {}, file);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &old) == 0);
  CHECK_FALSE(saved);
  CHECK(QFile(file).size() == before);
}

TEST_CASE("only a regular file is ever replaced") {
  QTemporaryDir folder;
  const QString pipe = folder.filePath(QStringLiteral("pipe"));
  REQUIRE(mkfifo(qPrintable(pipe), 0600) == 0);
  MapRaster raster(ThemeKind::dark);
  raster.show(sample_map({}));
  CHECK_FALSE(save_table(*sample_map({}), {}, pipe));
  CHECK_FALSE(save_picture(map_picture(raster, ThemeKind::dark, {}), pipe));
  CHECK_FALSE(QFileInfo(pipe).isFile());
}

TEST_CASE("the table has one line per position, and empty fields where there is no number") {
  SampleOptions options;
  options.scan = {30, 20};
  const auto map = sample_map(options);
  QTemporaryDir folder;
  const QString file = folder.filePath(QStringLiteral("map.csv"));
  REQUIRE(save_table(*map, QStringLiteral("two\nlines"), file));
  QFile csv(file);
  REQUIRE(csv.open(QIODevice::ReadOnly));
  const QStringList lines = QString::fromUtf8(csv.readAll()).split(QLatin1Char('\n'), Qt::SkipEmptyParts);
  REQUIRE(lines.size() == 2 + 600);
  CHECK(lines[0].startsWith(QStringLiteral("# bragglive map, 30 rows x 20 columns")));
  const QStringList names = lines[1].split(QLatin1Char(','));
  for (qsizetype i = 2; i < lines.size(); ++i) REQUIRE(lines[i].count(QLatin1Char(',')) == names.size() - 1);
  const QStringList missing = lines[2 + 11 * 20 + 1].split(QLatin1Char(','));
  CHECK(missing[names.indexOf(QStringLiteral("state"))] == QStringLiteral("missing"));
  CHECK(missing[names.indexOf(QStringLiteral("confidence"))].isEmpty());
  CHECK(missing[names.indexOf(QStringLiteral("bright_field"))].isEmpty());
}

TEST_CASE("the pattern: bright disks stay bright, broken frames give no picture") {
  const auto map = sample_map({});
  PositionDetail detail;
  for (std::uint32_t r = 0; r < 96 && detail.disks_px.size() < 5; ++r) detail = sample_detail(*map, {r, 47});
  const QImage image = pattern_image(detail);
  REQUIRE(image.size() == QSize(128, 128));
  CHECK(qGray(image.pixel(64, 64)) > 200);
  CHECK(qGray(image.pixel(2, 2)) < 90);
  CHECK(counts_at(detail, 64, 64) > 100);
  CHECK(std::isnan(counts_at(detail, 128, 0)));
  detail.pixels.pop_back();
  CHECK(pattern_image(detail).isNull());
  detail.pixels.clear();
  PatternView view(ThemeKind::dark);
  view.resize(256, 256);
  view.show_detail(detail);
  const QImage rebuilt = view.grab().toImage();
  const QPoint disk = view.to_widget(detail.disks_px[0].qx, detail.disks_px[0].qy).toPoint();
  CHECK(qGray(rebuilt.pixel(disk)) > 20);  // drawn from the list of disks
}

TEST_CASE("float frames with holes do not spoil the picture") {
  PositionDetail detail;
  detail.shape = {40, 40};
  detail.type = PixelType::f32;
  std::vector<float> pixels(1600, 5.0F);
  pixels[3] = std::nanf("");
  pixels[7] = -9;
  pixels[81] = pixels[82] = 500;
  detail.pixels.resize(6400);
  std::memcpy(detail.pixels.data(), pixels.data(), 6400);
  const QImage image = pattern_image(detail);
  REQUIRE_FALSE(image.isNull());
  CHECK(qGray(image.pixel(1, 2)) > qGray(image.pixel(0, 0)));
}

TEST_CASE("space groups and lengths read as in a paper") {
  CHECK(space_group_symbol(225) == QStringLiteral("Fm-3m"));
  CHECK(space_group_symbol(1) == QStringLiteral("P1"));
  CHECK(space_group_symbol(167) == QStringLiteral("R-3c"));
  CHECK(space_group_symbol(230) == QStringLiteral("Ia-3d"));
  CHECK(space_group_symbol(0).isEmpty());
  CHECK(space_group_symbol(231).isEmpty());
  CHECK(length_text(4.078F, 0.05F) == QStringLiteral("4.08 ± 0.05 Å"));
  CHECK(length_text(std::nanf(""), 0) == QStringLiteral("–"));
}

TEST_CASE("the key map can be printed") {
  QTemporaryDir folder;
  const QString file = folder.filePath(QStringLiteral("keys.pdf"));
  REQUIRE(save_key_map(file));
  QFile pdf(file);
  REQUIRE(pdf.open(QIODevice::ReadOnly));
  CHECK(pdf.read(5) == "%PDF-");
  CHECK(pdf.size() > 2000);
}
