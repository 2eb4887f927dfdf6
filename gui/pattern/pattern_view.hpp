// The diffraction pattern of one position with what was found in it.
#pragma once
#include <QImage>
#include <QWidget>
#include <optional>

#include "gui/colour/theme.hpp"
#include "plugin/session.hpp"

namespace bragglive::gui {

class PatternView : public QWidget {
  Q_OBJECT
 public:
  explicit PatternView(ThemeKind theme, QWidget* parent = nullptr);
  void show_detail(std::optional<PositionDetail> detail);
  void set_theme(ThemeKind theme);
  void set_marks_shown(bool shown);  // circles, origin and scale bar

  const QImage& image() const { return image_; }
  // Widget coordinates of a detector position (row, column), pixel centres at integers.
  QPointF to_widget(double row, double col) const;
  QSize sizeHint() const override { return {380, 380}; }
  bool hasHeightForWidth() const override { return true; }
  int heightForWidth(int width) const override { return width; }

 Q_SIGNALS:
  void hovered(QString text);  // counts, |q| and 1/|q| under the pointer; empty outside

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;

 private:
  double scale() const;  // widget pixels per detector pixel
  QRectF frame_rect() const;
  void paint_disks(QPainter& painter) const;
  void paint_origin(QPainter& painter) const;
  void paint_scale(QPainter& painter) const;
  void paint_note(QPainter& painter, const QString& text) const;

  std::optional<PositionDetail> detail_;
  QImage image_;
  ThemeKind theme_;
  bool marks_ = true;
};

}  // namespace bragglive::gui
