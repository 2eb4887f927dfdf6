// Where a scan position lies in the widget, in device pixels: zoom and pan of the map.
#pragma once
#include <QPointF>
#include <QRectF>
#include <QSize>
#include <optional>

#include "core/frame/scan_geometry.hpp"

namespace bragglive::gui {

class MapTransform {
 public:
  // `view` in device pixels. While nobody has zoomed or panned, the whole scan is kept in view.
  void set_view(QSize view);
  void set_scan(ScanShape scan);
  void fit();
  void set_zoom(double device_px_per_position);  // about the middle of the view
  void zoom_by(double factor, QPointF about);
  void pan_by(QPointF device_px);
  void reveal(ScanPosition at);  // pans just enough to have it in view

  double zoom() const { return zoom_; }
  bool fitted() const { return fitted_; }
  QRectF scan_rect() const;
  QRectF cell(ScanPosition at) const;
  std::optional<ScanPosition> position_at(QPointF device_px) const;

 private:
  void keep_in_reach();
  double fit_zoom() const;

  QSize view_{1, 1};
  ScanShape scan_;
  double zoom_ = 1;
  QPointF offset_;  // of position (0, 0)'s corner
  bool fitted_ = true;
};

}  // namespace bragglive::gui
