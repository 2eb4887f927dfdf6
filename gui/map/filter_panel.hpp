// Threshold and 5x5 filter: both act on the stored planes, nothing is measured again.
#pragma once
#include <QWidget>

#include "core/label/map_snapshot.hpp"
#include "gui/map/map_mode.hpp"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QSlider;
class QUndoStack;

namespace bragglive::gui {

class FilterPanel : public QWidget {
  Q_OBJECT
 public:
  explicit FilterPanel(QUndoStack& undo, QWidget* parent = nullptr);

  // How much of the scan so far has a label, and whether the engine uses another threshold than shown here.
  void show_snapshot(const MapSnapshot* map);

  double threshold() const { return threshold_; }
  bool filter_on() const;
  void set_threshold(double threshold);  // as by the user, can be undone
  void set_filter(bool on);
  void step_threshold(int steps);  // of the slider

  // The slider is finer where thresholds usually lie: threshold = (position / 1000)^2.
  static int slider_of(double threshold);
  static double threshold_of(int slider);

 Q_SIGNALS:
  void threshold_changed(double threshold);
  void filter_changed(bool on);
  void lightness_changed(Lightness lightness);

 private:
  friend class ThresholdEdit;
  void apply_threshold(double threshold);  // no undo entry

  QUndoStack& undo_;
  QSlider* slider_;
  QDoubleSpinBox* number_;
  QCheckBox* filter_;
  QComboBox* lightness_;
  QLabel* covered_;
  double threshold_ = 0.005;
};

}  // namespace bragglive::gui
