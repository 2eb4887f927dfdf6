#include "gui/map/filter_panel.hpp"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QGridLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <QUndoStack>
#include <algorithm>
#include <cmath>

#include "gui/map/legend_panel.hpp"

namespace bragglive::gui {

// Dragging the slider makes one step to undo, not a hundred.
class ThresholdEdit : public QUndoCommand {
 public:
  ThresholdEdit(FilterPanel& panel, double from, double to)
      : QUndoCommand(QStringLiteral("threshold")), panel_(panel), from_(from), to_(to) {}
  void undo() override { panel_.apply_threshold(from_); }
  void redo() override { panel_.apply_threshold(to_); }
  int id() const override { return 1; }
  bool mergeWith(const QUndoCommand* next) override {
    if (!panel_.slider_->isSliderDown()) return false;
    to_ = static_cast<const ThresholdEdit*>(next)->to_;
    return true;
  }

 private:
  FilterPanel& panel_;
  double from_, to_;
};

namespace {
constexpr int k_slider_steps = 1000;
}

int FilterPanel::slider_of(double threshold) {
  return static_cast<int>(std::lround(k_slider_steps * std::sqrt(std::clamp(threshold, 0.0, 1.0))));
}

double FilterPanel::threshold_of(int slider) {
  const double share = static_cast<double>(slider) / k_slider_steps;
  return std::round(share * share * 1e4) / 1e4;
}

FilterPanel::FilterPanel(QUndoStack& undo, QWidget* parent) : QWidget(parent), undo_(undo) {
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(10, 8, 10, 8);
  grid->setVerticalSpacing(6);
  slider_ = new QSlider(Qt::Horizontal, this);
  slider_->setRange(0, k_slider_steps);
  slider_->setPageStep(25);
  slider_->setAccessibleName(QStringLiteral("threshold"));
  slider_->setToolTip(
      QStringLiteral("Positions whose filtered difference confidence is lower get no label  ([ and ])"));
  number_ = new QDoubleSpinBox(this);
  number_->setRange(0, 1);
  number_->setDecimals(3);
  number_->setSingleStep(0.005);
  number_->setKeyboardTracking(false);
  filter_ = new QCheckBox(QStringLiteral("5×5 median filter"), this);
  filter_->setChecked(true);
  filter_->setToolTip(QStringLiteral("Off: every position keeps the label of its own pattern  (F)"));
  lightness_ = new QComboBox(this);
  lightness_->addItem(QStringLiteral("confidence"), static_cast<int>(Lightness::confidence));
  lightness_->addItem(QStringLiteral("filtered difference"), static_cast<int>(Lightness::margin));
  lightness_->addItem(QStringLiteral("none"), static_cast<int>(Lightness::none));
  covered_ = new QLabel(this);
  grid->addWidget(new QLabel(QStringLiteral("Threshold"), this), 0, 0);
  grid->addWidget(number_, 0, 1);
  grid->addWidget(slider_, 1, 0, 1, 2);
  grid->addWidget(covered_, 2, 0, 1, 2);
  grid->addWidget(filter_, 3, 0, 1, 2);
  grid->addWidget(new QLabel(QStringLiteral("Lightness"), this), 4, 0);
  grid->addWidget(lightness_, 4, 1);
  grid->setColumnStretch(1, 1);
  apply_threshold(threshold_);
  show_snapshot(nullptr);
  connect(slider_, &QSlider::valueChanged, this, [this](int at) { set_threshold(threshold_of(at)); });
  connect(number_, &QDoubleSpinBox::valueChanged, this, &FilterPanel::set_threshold);
  connect(filter_, &QCheckBox::toggled, this, &FilterPanel::filter_changed);
  connect(lightness_, &QComboBox::currentIndexChanged, this,
          [this] { Q_EMIT lightness_changed(static_cast<Lightness>(lightness_->currentData().toInt())); });
}

bool FilterPanel::filter_on() const {
  return filter_->isChecked();
}
void FilterPanel::set_filter(bool on) {
  filter_->setChecked(on);
}
void FilterPanel::step_threshold(int steps) {
  slider_->setValue(slider_->value() + steps);
}

void FilterPanel::set_threshold(double threshold) {
  if (threshold == threshold_) return;
  undo_.push(new ThresholdEdit(*this, threshold_, threshold));
}

void FilterPanel::apply_threshold(double threshold) {
  threshold_ = std::clamp(threshold, 0.0, 1.0);
  const QSignalBlocker quiet_slider(slider_), quiet_number(number_);
  slider_->setValue(slider_of(threshold_));
  number_->setValue(threshold_);
  Q_EMIT threshold_changed(threshold_);
}

void FilterPanel::show_snapshot(const MapSnapshot* map) {
  if (!map) {
    covered_->setText(QStringLiteral("no scan yet"));
    return;
  }
  const auto count = [&](PositionState s) { return map->states[static_cast<std::size_t>(s)]; };
  const std::uint64_t seen = map->scan.positions() - count(PositionState::pending);
  covered_->setText(QStringLiteral("labelled: <b>%1</b> of the positions seen")
                        .arg(percent_text(count(PositionState::labelled), seen)
                                 .replace(QLatin1Char('<'), QStringLiteral("&lt;"))));
}

}  // namespace bragglive::gui
