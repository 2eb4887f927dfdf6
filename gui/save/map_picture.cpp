#include "gui/save/map_picture.hpp"

#include <QPainter>
#include <QSaveFile>
#include <algorithm>

#include "gui/map/colour_bar.hpp"
#include "gui/map/legend_panel.hpp"
#include "gui/map/map_marks.hpp"
#include "gui/save/target.hpp"

namespace bragglive::gui {
namespace {

constexpr std::uint32_t k_wanted_side = 720;
constexpr int k_largest_side = 8192;

// Everything is measured in the height of a text line, so that large maps get large letters.
struct Layout {
  int zoom = 1;
  QSize map;
  double line = 0, pad = 0;
  QFont font;
  double legend_width = 0;
  QSize page;
};

Layout layout_for(ScanShape scan, qsizetype caption_lines) {
  Layout l;
  const std::uint32_t side = std::max(scan.rows, scan.cols);
  l.zoom = static_cast<int>(std::max(1U, (k_wanted_side + side - 1) / side));
  l.map = QSize(static_cast<int>(scan.cols), static_cast<int>(scan.rows)) * l.zoom;
  const int letters = std::clamp(std::max(l.map.width(), l.map.height()) / 48, 13, 60);
  l.font.setPixelSize(letters);
  l.line = QFontMetricsF(l.font).height() * 1.15;
  l.pad = l.line;
  l.legend_width =
      QFontMetricsF(l.font).horizontalAdvance(QStringLiteral("MM orthorhombic  100.0 % 1,048,576"));
  const double legend_height = 20.5 * l.line;
  const double body =
      std::max<double>(l.map.height() + 0.5 * l.pad + scale_bar_height(l.font), legend_height);
  const double width = std::max(l.map.width() + l.legend_width + 3 * l.pad, 40 * l.line);
  l.page = QSizeF(width, body + 2.5 * l.pad + static_cast<double>(caption_lines) * l.line).toSize();
  return l;
}

void paint_legend(QPainter& painter, QRectF area, const Layout& l, const MapRaster& raster,
                  const Theme& colours) {
  const MapSnapshot& map = *raster.snapshot();
  double y = area.top();
  const auto text = [&](const QColor& ink, const QString& left, const QString& right) {
    painter.setPen(ink);
    painter.drawText(QRectF(area.left(), y, area.width(), l.line), Qt::AlignLeft | Qt::AlignVCenter, left);
    painter.drawText(QRectF(area.left(), y, area.width(), l.line), Qt::AlignRight | Qt::AlignVCenter, right);
  };
  const QString indent(QStringLiteral("      "));
  const QRectF swatch(0, 0.12 * l.line, 1.1 * l.line, 0.76 * l.line);
  paint_colour_bar(painter, QRectF(area.left(), y, area.width(), 2.9 * l.line), raster, colours);
  y += 3.6 * l.line;
  text(colours.dim, QStringLiteral("Label"), QStringLiteral("of labelled"));
  y += l.line;
  const std::uint64_t labelled = map.states[static_cast<std::size_t>(PositionState::labelled)];
  const LabelScheme& labels = raster.labels();
  const auto label_line = [&](std::uint8_t label, std::uint64_t whole) {
    paint_label_swatch(painter, swatch.translated(area.left(), y), labels, label, raster.palette());
    text(colours.text, indent + labels.name(label), percent_text(labels.count(map, label), whole));
    y += l.line;
  };
  for (const std::uint8_t label : labels.listed()) label_line(label, labelled);
  y += 0.5 * l.line;
  text(colours.dim, QStringLiteral("No label"), QStringLiteral("of the scan"));
  y += l.line;
  if (labels.has_phases()) label_line(0, map.scan.positions());
  for (const PositionState state : listed_states()) {
    paint_state_swatch(painter, swatch.translated(area.left(), y), state, raster.palette());
    text(colours.text, indent + label_of(state),
         percent_text(map.states[static_cast<std::size_t>(state)], map.scan.positions()));
    y += l.line;
  }
}

}  // namespace

QImage map_picture(const MapRaster& raster, ThemeKind theme_kind, const QStringList& caption) {
  if (!raster.snapshot()) return {};
  const Layout l = layout_for(raster.snapshot()->scan, caption.size());
  const Theme& colours = theme(theme_kind);
  QImage page(l.page.boundedTo({2 * k_largest_side, 2 * k_largest_side}), QImage::Format_RGB32);
  if (page.isNull()) return {};
  page.fill(colours.panel);
  QPainter painter(&page);
  painter.setFont(l.font);
  const QRectF map(QPointF(l.pad, l.pad), QSizeF(l.map));
  painter.drawImage(map, raster.image());
  MapTransform transform;
  transform.set_view(l.map);
  transform.set_scan(raster.snapshot()->scan);
  transform.set_zoom(l.zoom);
  painter.save();
  painter.translate(map.topLeft() - transform.scan_rect().topLeft());
  paint_fault_marks(painter, *raster.snapshot(), transform, transform.scan_rect(), raster.palette());
  painter.restore();
  paint_scale_bar(painter, map.bottomLeft() + QPointF(0, 0.4 * l.pad + scale_bar_height(l.font)), l.zoom,
                  raster.snapshot()->scan_step_nm,
                  std::clamp<double>(map.width() / 4, 3 * l.line, 20 * l.line), colours.text, colours.panel);
  painter.setRenderHint(QPainter::Antialiasing, false);
  painter.setBrush(Qt::NoBrush);
  painter.setPen(colours.line);
  painter.drawRect(map.adjusted(-1, -1, 0, 0));
  paint_legend(painter,
               QRectF(map.right() + l.pad, l.pad, page.width() - map.right() - 2 * l.pad, page.height()), l,
               raster, colours);
  double y = page.height() - 0.5 * l.pad - static_cast<double>(caption.size()) * l.line;
  painter.setPen(colours.dim);
  for (const QString& text : caption) {
    painter.drawText(QRectF(l.pad, y, page.width() - 2 * l.pad, l.line), Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetricsF(l.font).elidedText(text, Qt::ElideMiddle, page.width() - 2 * l.pad));
    y += l.line;
  }
  return page;
}

Expected<void> save_picture(const QImage& picture, const QString& path) {
  const std::string name = path.toStdString();
  if (picture.isNull()) return fail(ErrorArea::shape, "nothing to save to {}: there is no map yet", name);
  if (auto checked = check_target(path); !checked) return checked;
  QSaveFile file(path);
  if (!file.open(QIODevice::WriteOnly) || !picture.save(&file, "PNG") || !file.commit())
    return fail(ErrorArea::file, "cannot write {}: {}; choose another place", name,
                file.errorString().toStdString());
  return {};
}

}  // namespace bragglive::gui
