#include "gui/map/colour_bar.hpp"

#include <QPainter>

#include "gui/colour/oklab.hpp"

namespace bragglive::gui {
namespace {

QString lightness_title(Lightness lightness) {
  switch (lightness) {
    case Lightness::confidence:
      return QStringLiteral("lightness: confidence (share of votes)");
    case Lightness::margin:
      return QStringLiteral("lightness: filtered difference confidence");
    case Lightness::none:
      return QStringLiteral("colour: the label");
  }
  return {};
}

QString number(float value, int decimals) {
  return QString::number(static_cast<double>(value), 'f', decimals);
}

struct BarText {
  QString title, low, high;
};

BarText text_of(const MapRaster& raster) {
  if (raster.mode() == MapMode::crystal_system) {
    const bool votes = raster.lightness() == Lightness::confidence;
    if (raster.lightness() == Lightness::none) return {lightness_title(raster.lightness()), {}, {}};
    return {lightness_title(raster.lightness()), votes ? QStringLiteral("1/6") : QStringLiteral("0"),
            QStringLiteral("1")};
  }
  const MapModeInfo& info = info_of(raster.mode());
  QString title = info.long_title;
  if (!info.unit.isEmpty()) title += QStringLiteral(" (%1)").arg(info.unit);
  if (!raster.range()) return {title, QStringLiteral("no values yet"), {}};
  return {title, number(raster.range()->low, info.decimals), number(raster.range()->high, info.decimals)};
}

QRgb colour_at(const MapRaster& raster, double t) {
  if (raster.mode() != MapMode::crystal_system)
    return ramp(info_of(raster.mode()).ramp)[static_cast<std::size_t>(255 * t)];
  const double confidence = raster.lightness() == Lightness::none ? 1 : t;
  return system_colour(raster.palette(), CrystalSystem::none, confidence);
}

}  // namespace

void paint_colour_bar(QPainter& painter, const QRectF& box, const MapRaster& raster, const Theme& colours) {
  const BarText text = text_of(raster);
  const QFontMetricsF metrics(painter.font());
  const double line = metrics.height();
  painter.setPen(colours.dim);
  painter.drawText(QRectF(box.left(), box.top(), box.width(), line), Qt::AlignLeft | Qt::AlignVCenter,
                   metrics.elidedText(text.title, Qt::ElideRight, box.width()));
  const QRectF bar(box.left(), box.top() + line + 2, box.width(), std::max(6.0, box.height() - 2 * line - 4));
  for (int x = 0; x < static_cast<int>(bar.width()); ++x)
    painter.fillRect(QRectF(bar.left() + x, bar.top(), 1, bar.height()),
                     QColor(colour_at(raster, x / bar.width())));
  painter.setPen(colours.line);
  painter.drawRect(bar.adjusted(0, 0, -1, -1));
  painter.setPen(colours.text);
  const QRectF ends(box.left(), bar.bottom() + 2, box.width(), line);
  painter.drawText(ends, Qt::AlignLeft | Qt::AlignVCenter, text.low);
  painter.drawText(ends, Qt::AlignRight | Qt::AlignVCenter, text.high);
}

ColourBar::ColourBar(const MapRaster& raster, ThemeKind theme_kind, QWidget* parent)
    : QWidget(parent), raster_(raster), theme_(theme_kind) {
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void ColourBar::set_theme(ThemeKind theme_kind) {
  theme_ = theme_kind;
  update();
}

QSize ColourBar::sizeHint() const {
  return {220, 2 * fontMetrics().height() + 18};
}

void ColourBar::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  paint_colour_bar(painter, QRectF(rect()), raster_, theme(theme_));
}

}  // namespace bragglive::gui
