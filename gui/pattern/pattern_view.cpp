#include "gui/pattern/pattern_view.hpp"

#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "gui/map/map_marks.hpp"
#include "gui/pattern/pattern_image.hpp"

namespace bragglive::gui {
namespace {
const QColor k_disk_ink(0x6c, 0xe0, 0xff);
const QColor k_origin_ink(0xff, 0xc1, 0x3d);
constexpr double k_smallest_circle = 3.5;  // widget pixels
}  // namespace

PatternView::PatternView(ThemeKind theme_kind, QWidget* parent) : QWidget(parent), theme_(theme_kind) {
  setMouseTracking(true);
  setMinimumSize(200, 200);
  QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Expanding);
  setSizePolicy(policy);
  setAccessibleName(QStringLiteral("Diffraction pattern"));
}

void PatternView::show_detail(std::optional<PositionDetail> detail) {
  detail_ = std::move(detail);
  image_ = detail_ ? pattern_image(*detail_) : QImage();
  update();
}

void PatternView::set_theme(ThemeKind theme_kind) {
  theme_ = theme_kind;
  update();
}

void PatternView::set_marks_shown(bool shown) {
  marks_ = shown;
  update();
}

double PatternView::scale() const {
  if (!detail_ || detail_->shape.pixels() == 0) return 1;
  return std::min(width() / double(detail_->shape.cols), height() / double(detail_->shape.rows));
}

QRectF PatternView::frame_rect() const {
  if (!detail_) return {};
  const QSizeF frame(scale() * detail_->shape.cols, scale() * detail_->shape.rows);
  return {QPointF((width() - frame.width()) / 2, (height() - frame.height()) / 2), frame};
}

QPointF PatternView::to_widget(double row, double col) const {
  return frame_rect().topLeft() + QPointF(col + 0.5, row + 0.5) * scale();
}

void PatternView::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.fillRect(rect(), theme(theme_).window);
  if (!detail_ || detail_->shape.pixels() == 0) {
    paint_note(painter, detail_ ? QStringLiteral("no frame came for this position")
                                : QStringLiteral("click a position of the map to see its pattern"));
    return;
  }
  const QRectF frame = frame_rect();
  if (image_.isNull())
    painter.fillRect(frame, QColor(0x08, 0x09, 0x0b));
  else
    painter.drawImage(frame, image_);
  painter.setClipRect(frame);
  painter.setRenderHint(QPainter::Antialiasing);
  if (marks_ || image_.isNull()) {
    paint_disks(painter);
    paint_origin(painter);
    paint_scale(painter);
  }
  if (image_.isNull())
    paint_note(painter, detail_->disks_px.empty()
                            ? QStringLiteral("the frame is no longer kept, and no disk was found in it")
                            : QStringLiteral("frame no longer kept: pattern rebuilt from %1 disks")
                                  .arg(detail_->disks_px.size()));
}

void PatternView::paint_disks(QPainter& painter) const {
  double strongest = 0;
  for (const BraggPeak& peak : detail_->disks_px) strongest = std::max(strongest, peak.intensity);
  const double radius = std::max(k_smallest_circle, detail_->probe_radius_px * scale());
  for (const BraggPeak& peak : detail_->disks_px) {
    const QPointF at = to_widget(peak.qx, peak.qy);
    painter.setBrush(Qt::NoBrush);
    if (image_.isNull() && strongest > 0) {
      QColor fill(Qt::white);
      fill.setAlphaF(static_cast<float>(
          0.15 + 0.85 * std::log1p(99 * std::max(0.0, peak.intensity) / strongest) / std::log(100.0)));
      painter.setBrush(fill);
    }
    painter.setPen(QPen(QColor(0, 0, 0, 170), 3));
    painter.drawEllipse(at, radius, radius);
    painter.setPen(QPen(k_disk_ink, 1.3));
    painter.drawEllipse(at, radius, radius);
  }
}

void PatternView::paint_origin(QPainter& painter) const {
  const QPointF at = to_widget(detail_->origin_px[0], detail_->origin_px[1]);
  for (const auto& [ink, width] : {std::pair(QColor(0, 0, 0, 200), 4.0), std::pair(k_origin_ink, 1.8)}) {
    painter.setPen(QPen(ink, width));
    painter.drawLine(at - QPointF(8, 0), at + QPointF(8, 0));
    painter.drawLine(at - QPointF(0, 8), at + QPointF(0, 8));
  }
}

void PatternView::paint_scale(QPainter& painter) const {
  if (!(detail_->pixel_size_inv_angstrom > 0)) return;
  const double px_per_unit = scale() / detail_->pixel_size_inv_angstrom;
  const double length = round_length(0.3 * frame_rect().width() / px_per_unit);
  const QString text = QStringLiteral("%1 1/Å").arg(length);
  const QFontMetricsF metrics(painter.font());
  const double bar = length * px_per_unit;
  const double inner = std::max(bar, metrics.horizontalAdvance(text));
  const QRectF frame = frame_rect();
  const QRectF box(frame.left() + 8, frame.bottom() - metrics.height() - 22, inner + 14,
                   metrics.height() + 14);
  painter.setPen(Qt::NoPen);
  painter.setBrush(QColor(8, 9, 11, 190));
  painter.drawRoundedRect(box, 4, 4);
  painter.setPen(Qt::white);
  painter.drawText(QRectF(box.left(), box.top() + 2, box.width(), metrics.height()), Qt::AlignCenter, text);
  painter.fillRect(QRectF(box.center().x() - bar / 2, box.bottom() - 8, bar, 3), Qt::white);
}

void PatternView::paint_note(QPainter& painter, const QString& text) const {
  painter.setClipping(false);
  painter.setPen(detail_ && detail_->shape.pixels() > 0 ? QColor(0xc8, 0xcc, 0xd2) : theme(theme_).dim);
  const bool over_disks = detail_ && !detail_->disks_px.empty();
  painter.drawText(QRectF(rect()).adjusted(12, 8, -12, -8),
                   (over_disks ? Qt::AlignTop : Qt::AlignVCenter) | Qt::AlignHCenter | Qt::TextWordWrap,
                   text);
}

void PatternView::mouseMoveEvent(QMouseEvent* event) {
  const QRectF frame = frame_rect();
  if (!detail_ || !frame.contains(event->position())) {
    Q_EMIT hovered({});
    return;
  }
  const QPointF p = (event->position() - frame.topLeft()) / scale();
  const auto row = static_cast<std::uint32_t>(p.y()), col = static_cast<std::uint32_t>(p.x());
  const double counts = counts_at(*detail_, row, col);
  QString text = QStringLiteral("row %1, column %2").arg(row).arg(col);
  if (std::isfinite(counts)) text += QStringLiteral("   %1 counts").arg(counts);
  const double q = detail_->pixel_size_inv_angstrom *
                   std::hypot(p.y() - 0.5 - detail_->origin_px[0], p.x() - 0.5 - detail_->origin_px[1]);
  if (q > 0) text += QStringLiteral("   |q| %1 1/Å   d %2 Å").arg(q, 0, 'f', 3).arg(1 / q, 0, 'f', 2);
  Q_EMIT hovered(text);
}

void PatternView::leaveEvent(QEvent*) {
  Q_EMIT hovered({});
}

}  // namespace bragglive::gui
