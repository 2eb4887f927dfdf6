#include "gui/map/map_view.hpp"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

#include "gui/map/map_marks.hpp"
#include "gui/map/position_text.hpp"

namespace bragglive::gui {
namespace {
constexpr double k_wheel_factor = 1.25;
constexpr double k_drag_slack = 4;  // logical pixels that still count as a click
}  // namespace

MapView::MapView(ThemeKind theme_kind, QWidget* parent)
    : QWidget(parent), raster_(theme_kind), theme_(theme_kind) {
  setMouseTracking(true);
  setFocusPolicy(Qt::StrongFocus);
  setMinimumSize(240, 240);
  setAttribute(Qt::WA_OpaquePaintEvent);
  setAccessibleName(QStringLiteral("Map of the scan"));
}

void MapView::show_snapshot(std::shared_ptr<const MapSnapshot> snapshot) {
  const std::shared_ptr<const MapSnapshot> before = raster_.snapshot();
  const std::optional<ValueRange> range = raster_.range();
  const std::optional<ScanPosition> cursor_before = cursor();
  const std::size_t rows = raster_.show(std::move(snapshot));
  const MapSnapshot* now = raster_.snapshot().get();
  transform_.set_scan(now ? now->scan : ScanShape{});
  const bool same_scan = before && now && before->scan == now->scan && before->series_id == now->series_id;
  if (!same_scan) beam_.reset();
  if (pinned_ && (!now || pinned_->row >= now->scan.rows || pinned_->col >= now->scan.cols)) pinned_.reset();
  find_beam(same_scan ? before.get() : nullptr);
  if (rows > 0 || !now) update();
  if (range != raster_.range() || !same_scan) Q_EMIT view_changed();
  if (cursor() != cursor_before || !same_scan) Q_EMIT cursor_moved();
}

void MapView::find_beam(const MapSnapshot* before) {
  const auto& now = raster_.snapshot();
  if (!now) return;
  // The last position that came in the last row that changed: right for every raster that runs downwards, and
  // close enough for others, since nothing but the follow-the-beam panel hangs on it.
  for (std::size_t r = now->rows.size(); r-- > 0;) {
    if (before && before->rows[r] == now->rows[r]) continue;
    const auto& states = now->rows[r]->raw_state;
    const auto came = [](std::uint8_t s) {
      return s != static_cast<std::uint8_t>(PositionState::pending) &&
             s != static_cast<std::uint8_t>(PositionState::missing);
    };
    const auto last = std::find_if(states.rbegin(), states.rend(), came);
    if (last == states.rend()) continue;
    beam_ = ScanPosition{static_cast<std::uint32_t>(r), static_cast<std::uint32_t>(states.rend() - last - 1)};
    return;
  }
}

void MapView::set_mode(MapMode mode) {
  raster_.set_mode(mode);
  update();
  Q_EMIT view_changed();
}

void MapView::set_lightness(Lightness lightness) {
  raster_.set_lightness(lightness);
  update();
  Q_EMIT view_changed();
}

void MapView::set_theme(ThemeKind theme_kind) {
  theme_ = theme_kind;
  raster_.set_theme(theme_kind);
  update();
  Q_EMIT view_changed();
}

void MapView::fit() {
  transform_.fit();
  update();
}

void MapView::set_zoom(double device_px_per_position) {
  transform_.set_zoom(device_px_per_position);
  update();
}

void MapView::zoom_step(int steps) {
  set_zoom(transform_.zoom() * std::pow(k_wheel_factor, steps));
}

void MapView::pin(std::optional<ScanPosition> at) {
  const auto& map = raster_.snapshot();
  if (!map || (at && (at->row >= map->scan.rows || at->col >= map->scan.cols))) return;
  pinned_ = at;
  update();
  Q_EMIT cursor_moved();
}

void MapView::move_cursor(int rows, int cols) {
  const auto& map = raster_.snapshot();
  const std::optional<ScanPosition> from = cursor();
  if (!map || !from) return;
  const auto moved = [](std::uint32_t at, int by, std::uint32_t size) {
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(std::int64_t{at} + by, 0, std::int64_t{size} - 1));
  };
  const ScanPosition to{moved(from->row, rows, map->scan.rows), moved(from->col, cols, map->scan.cols)};
  transform_.reveal(to);
  pin(to);
}

void MapView::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const Theme& colours = theme(theme_);
  painter.fillRect(rect(), colours.window.darker(theme_ == ThemeKind::dark ? 130 : 104));
  const auto& map = raster_.snapshot();
  if (!map) return;
  // Device pixels: a position must not be smeared over two of them.
  const double ratio = devicePixelRatioF();
  painter.scale(1 / ratio, 1 / ratio);
  const QRectF view(QPointF(0, 0), QSizeF(size()) * ratio);
  const QRectF scan = transform_.scan_rect();
  painter.setPen(QPen(colours.line, ratio));
  painter.drawRect(scan.adjusted(-ratio, -ratio, ratio, ratio));
  // Only the part in view: a deep zoom would otherwise scale millions of pixels that nobody sees.
  const double zoom = transform_.zoom();
  const QRectF part = QRectF((-scan.topLeft()) / zoom, view.size() / zoom)
                          .intersected(QRectF(raster_.image().rect()))
                          .toAlignedRect()
                          .intersected(raster_.image().rect());
  painter.drawImage(QRectF(scan.topLeft() + part.topLeft() * zoom, part.size() * zoom), raster_.image(),
                    part);
  paint_fault_marks(painter, *map, transform_, view, raster_.palette());
  if (const auto at = cursor())
    paint_cursor(painter, transform_.cell(*at), pinned(), pinned() ? QColor(Qt::white) : colours.accent);
  QFont font = painter.font();
  font.setPixelSize(static_cast<int>(QFontInfo(this->font()).pixelSize() * ratio));
  painter.setFont(font);
  // Under the map where there is room, so that it hides no position; else in its lower left corner.
  const QRectF seen = scan.intersected(view);
  if (seen.isEmpty()) return;
  const double plate = scale_bar_height(font);
  const bool below = scan.bottom() + plate + 4 * ratio <= view.bottom();
  const QPointF at = seen.bottomLeft() + (below ? QPointF(0, plate + 4 * ratio) : QPointF(8, -8) * ratio);
  paint_scale_bar(painter, at, zoom, map->scan_step_nm, std::clamp(seen.width() / 3, 40 * ratio, 160 * ratio),
                  colours.text, colours.window);
}

void MapView::resizeEvent(QResizeEvent*) {
  transform_.set_view((QSizeF(size()) * devicePixelRatioF()).toSize());
}

void MapView::mousePressEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton && event->button() != Qt::MiddleButton) return;
  press_ = last_drag_ = event->position();
  dragging_ = false;
}

void MapView::mouseMoveEvent(QMouseEvent* event) {
  if (!(event->buttons() & (Qt::LeftButton | Qt::MiddleButton))) return;
  if (!dragging_ && (event->position() - press_).manhattanLength() < k_drag_slack) return;
  dragging_ = true;
  setCursor(Qt::ClosedHandCursor);
  transform_.pan_by(to_device(event->position() - last_drag_));
  last_drag_ = event->position();
  update();
}

void MapView::mouseReleaseEvent(QMouseEvent* event) {
  if (dragging_) {
    dragging_ = false;
    unsetCursor();
    return;
  }
  if (event->button() != Qt::LeftButton) return;
  if (const auto at = transform_.position_at(to_device(event->position()))) pin(at);
}

void MapView::mouseDoubleClickEvent(QMouseEvent*) {}  // or the second press would start a drag of its own

void MapView::wheelEvent(QWheelEvent* event) {
  const double steps = event->angleDelta().y() / 120.0;
  transform_.zoom_by(std::pow(k_wheel_factor, steps), to_device(event->position()));
  update();
  event->accept();
}

bool MapView::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const auto at = transform_.position_at(to_device(help->pos()));
  if (at && raster_.snapshot())
    QToolTip::showText(help->globalPos(), position_html(*raster_.snapshot(), *at), this);
  else
    QToolTip::hideText();
  return true;
}

}  // namespace bragglive::gui
