#include "gui/map/map_transform.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive::gui {
namespace {
constexpr double k_max_zoom = 96;
constexpr double k_margin = 40;  // so much of the map stays in view, device pixels
}  // namespace

void MapTransform::set_view(QSize view) {
  view_ = view.expandedTo({1, 1});
  if (fitted_) fit();
  keep_in_reach();
}

void MapTransform::set_scan(ScanShape scan) {
  if (scan == scan_) return;
  scan_ = scan;
  fit();
}

double MapTransform::fit_zoom() const {
  if (scan_.positions() == 0) return 1;
  const double wanted = std::min(view_.width() / double(scan_.cols), view_.height() / double(scan_.rows));
  // Whole device pixels per position where there is room: all positions then look equally large.
  return wanted >= 3 ? std::min(std::floor(wanted), k_max_zoom) : wanted;
}

void MapTransform::fit() {
  fitted_ = true;
  zoom_ = fit_zoom();
  offset_ = {std::round((view_.width() - zoom_ * scan_.cols) / 2),
             std::round((view_.height() - zoom_ * scan_.rows) / 2)};
}

void MapTransform::set_zoom(double device_px_per_position) {
  zoom_by(device_px_per_position / zoom_, {view_.width() / 2.0, view_.height() / 2.0});
}

void MapTransform::zoom_by(double factor, QPointF about) {
  const double zoom = std::clamp(zoom_ * factor, std::min(1.0, fit_zoom()) / 2, k_max_zoom);
  offset_ = about - (about - offset_) * (zoom / zoom_);
  zoom_ = zoom;
  fitted_ = false;
  keep_in_reach();
}

void MapTransform::pan_by(QPointF device_px) {
  offset_ += device_px;
  fitted_ = false;
  keep_in_reach();
}

void MapTransform::reveal(ScanPosition at) {
  const QRectF c = cell(at);
  QPointF shift;
  if (c.left() < 0) shift.setX(-c.left());
  if (c.top() < 0) shift.setY(-c.top());
  if (c.right() > view_.width()) shift.setX(view_.width() - c.right());
  if (c.bottom() > view_.height()) shift.setY(view_.height() - c.bottom());
  if (!shift.isNull()) pan_by(shift);
}

QRectF MapTransform::scan_rect() const {
  return {offset_, QSizeF(zoom_ * scan_.cols, zoom_ * scan_.rows)};
}

QRectF MapTransform::cell(ScanPosition at) const {
  return {offset_ + QPointF(at.col, at.row) * zoom_, QSizeF(zoom_, zoom_)};
}

std::optional<ScanPosition> MapTransform::position_at(QPointF device_px) const {
  const QPointF p = (device_px - offset_) / zoom_;
  if (p.x() < 0 || p.y() < 0 || p.x() >= scan_.cols || p.y() >= scan_.rows) return std::nullopt;
  return ScanPosition{static_cast<std::uint32_t>(p.y()), static_cast<std::uint32_t>(p.x())};
}

void MapTransform::keep_in_reach() {
  const double width = zoom_ * scan_.cols, height = zoom_ * scan_.rows;
  offset_.setX(
      std::clamp(offset_.x(), std::min(k_margin - width, 0.0), std::max(view_.width() - k_margin, 0.0)));
  offset_.setY(
      std::clamp(offset_.y(), std::min(k_margin - height, 0.0), std::max(view_.height() - k_margin, 0.0)));
}

}  // namespace bragglive::gui
