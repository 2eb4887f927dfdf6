// What the colours of the map mean: a bar with numbers and unit, or with lightness the range of the
// confidence.
#pragma once
#include <QWidget>

#include "gui/map/map_raster.hpp"

namespace bragglive::gui {

// Draws it into `box` (horizontal, title above, end values below). Used on screen and in exported pictures.
void paint_colour_bar(QPainter& painter, const QRectF& box, const MapRaster& raster, const Theme& colours);

class ColourBar : public QWidget {
  Q_OBJECT
 public:
  ColourBar(const MapRaster& raster, ThemeKind theme, QWidget* parent = nullptr);
  void set_theme(ThemeKind theme);
  QSize sizeHint() const override;

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  const MapRaster& raster_;
  ThemeKind theme_;
};

}  // namespace bragglive::gui
