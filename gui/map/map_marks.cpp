#include "gui/map/map_marks.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive::gui {
namespace {
constexpr double k_smallest_marked = 9;  // device pixels per position
}

void paint_fault_mark(QPainter& painter, const QRectF& box, PositionState state, QColor colour) {
  const double s = std::min(box.width(), box.height());
  const QPointF m = box.center();
  const double h = 0.28 * s;
  painter.save();
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(QPen(colour, std::max(1.0, 0.11 * s), Qt::SolidLine, Qt::RoundCap));
  painter.setBrush(Qt::NoBrush);
  switch (state) {
    case PositionState::skipped_by_policy:
      painter.drawLine(m - QPointF(h, 0), m + QPointF(h, 0));
      break;
    case PositionState::corrupt:
      painter.drawLine(m - QPointF(h, h), m + QPointF(h, h));
      painter.drawLine(m - QPointF(h, -h), m + QPointF(h, -h));
      break;
    case PositionState::missing: {
      QFont font = painter.font();
      font.setBold(true);
      font.setPixelSize(std::max(6, static_cast<int>(0.72 * s)));
      painter.setFont(font);
      painter.drawText(box, Qt::AlignCenter, QStringLiteral("?"));
      break;
    }
    case PositionState::late:
      painter.drawEllipse(m, h, h);
      painter.drawLine(m, m - QPointF(0, 0.75 * h));
      painter.drawLine(m, m + QPointF(0.6 * h, 0));
      break;
    default:
      break;
  }
  painter.restore();
}

void paint_fault_marks(QPainter& painter, const MapSnapshot& map, const MapTransform& transform,
                       const QRectF& visible, const MapPalette& palette) {
  if (transform.zoom() < k_smallest_marked) return;
  std::uint64_t lost = 0;
  for (std::size_t s = 0; s < map.states.size(); ++s)
    if (is_fault(static_cast<PositionState>(s))) lost += map.states[s];
  if (lost == 0) return;
  const QRectF scan = transform.scan_rect();
  const QRectF part = visible.intersected(scan).translated(-scan.topLeft());
  const auto first = [&](double edge) {
    return static_cast<std::uint32_t>(std::max(0.0, edge / transform.zoom()));
  };
  const std::uint32_t last_row = std::min(map.scan.rows, first(part.bottom()) + 1);
  const std::uint32_t last_col = std::min(map.scan.cols, first(part.right()) + 1);
  for (std::uint32_t r = first(part.top()); r < last_row; ++r)
    for (std::uint32_t c = first(part.left()); c < last_col; ++c) {
      const auto state = static_cast<PositionState>(map.rows[r]->state[c]);
      if (is_fault(state))
        paint_fault_mark(painter, transform.cell({r, c}), state, ink_on(state_colour(palette, state)));
    }
}

void paint_cursor(QPainter& painter, const QRectF& cell, bool pinned, QColor colour) {
  const double side = std::max(cell.width() + 2, 9.0);
  const QRectF box(cell.center() - QPointF(side, side) / 2, QSizeF(side, side));
  painter.save();
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setBrush(Qt::NoBrush);
  const double arm = pinned ? 7 : 0;
  const auto draw = [&](QPen pen) {
    pen.setCapStyle(Qt::FlatCap);
    painter.setPen(pen);
    painter.drawRect(box);
    if (arm <= 0) return;
    const QPointF m = box.center();
    painter.drawLine(QPointF(box.left() - arm, m.y()), QPointF(box.left(), m.y()));
    painter.drawLine(QPointF(box.right(), m.y()), QPointF(box.right() + arm, m.y()));
    painter.drawLine(QPointF(m.x(), box.top() - arm), QPointF(m.x(), box.top()));
    painter.drawLine(QPointF(m.x(), box.bottom()), QPointF(m.x(), box.bottom() + arm));
  };
  draw(QPen(QColor(0, 0, 0, 210), 4));
  draw(QPen(colour, pinned ? 2 : 1.4));
  painter.restore();
}

double round_length(double limit) {
  if (!(limit > 0)) return 0;
  const double decade = std::pow(10.0, std::floor(std::log10(limit)));
  for (const double step : {5.0, 2.0})
    if (step * decade <= limit) return step * decade;
  return decade;
}

QString scale_text(double length, double step_nm) {
  if (!(step_nm > 0))
    return QStringLiteral("%1 position%2").arg(length).arg(length == 1 ? QString() : QStringLiteral("s"));
  if (length >= 1000) return QStringLiteral("%1 µm").arg(length / 1000);
  if (length < 1) return QStringLiteral("%1 Å").arg(length * 10);
  return QStringLiteral("%1 nm").arg(length);
}

double scale_bar_height(const QFont& font) {
  return 2.04 * QFontMetricsF(font).height() + 4;
}

void paint_scale_bar(QPainter& painter, QPointF at, double px_per_position, double step_nm, double width,
                     QColor ink, QColor plate) {
  const double unit = step_nm > 0 ? step_nm : 1;
  double length = round_length(width / px_per_position * unit);
  if (!(step_nm > 0)) length = std::max(1.0, length);  // no half positions
  const double bar = length / unit * px_per_position;
  const QString text = scale_text(length, step_nm);
  painter.save();
  painter.setRenderHint(QPainter::Antialiasing);
  const QFontMetricsF metrics(painter.font());
  const double pad = metrics.height() * 0.4;
  const double inner = std::max(bar, metrics.horizontalAdvance(text));
  const double height = scale_bar_height(painter.font());
  const QRectF box(at.x(), at.y() - height, inner + 2 * pad, height);
  plate.setAlpha(205);
  painter.setPen(Qt::NoPen);
  painter.setBrush(plate);
  painter.drawRoundedRect(box, 4, 4);
  painter.setPen(ink);
  painter.drawText(QRectF(box.left(), box.top() + 0.5 * pad, box.width(), metrics.height()), Qt::AlignCenter,
                   text);
  painter.fillRect(QRectF(box.center().x() - bar / 2, box.bottom() - pad - 4, bar, 4), ink);
  painter.restore();
}

}  // namespace bragglive::gui
