// The map on screen: zoom, pan, cursor, tooltips. Shows snapshots and asks for nothing else.
#pragma once
#include <QWidget>
#include <optional>

#include "gui/map/map_raster.hpp"
#include "gui/map/map_transform.hpp"

namespace bragglive::gui {

class MapView : public QWidget {
  Q_OBJECT
 public:
  explicit MapView(ThemeKind theme, QWidget* parent = nullptr);

  // Colours the rows that changed and asks for a repaint. nullptr: an empty map.
  void show_snapshot(std::shared_ptr<const MapSnapshot> snapshot);
  void set_mode(MapMode mode);
  void set_lightness(Lightness lightness);
  void set_theme(ThemeKind theme);

  void fit();
  void set_zoom(double device_px_per_position);
  void zoom_step(int steps);  // about the middle

  // Pins the pattern panel to a position; nullopt follows the beam. Emits cursor_moved.
  void pin(std::optional<ScanPosition> at);
  void move_cursor(int rows, int cols);
  bool pinned() const { return pinned_.has_value(); }
  // The pinned position, else the newest one of the scan; nullopt without a scan.
  std::optional<ScanPosition> cursor() const { return pinned_ ? pinned_ : beam_; }

  const MapRaster& raster() const { return raster_; }
  const MapTransform& transform() const { return transform_; }
  QSize sizeHint() const override { return {640, 640}; }

 Q_SIGNALS:
  void cursor_moved();  // by click, key or because the beam moved on
  void view_changed();  // mode, range or theme: the colour bar is out of date

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  bool event(QEvent* event) override;

 private:
  QPointF to_device(QPointF logical) const { return logical * devicePixelRatioF(); }
  void find_beam(const MapSnapshot* before);

  MapRaster raster_;
  MapTransform transform_;
  ThemeKind theme_;
  std::optional<ScanPosition> pinned_, beam_;
  QPointF press_, last_drag_;
  bool dragging_ = false;
};

}  // namespace bragglive::gui
