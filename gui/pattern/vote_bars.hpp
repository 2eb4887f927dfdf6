// The trees' votes for one position, one bar per crystal system or phase.
#pragma once
#include <QWidget>
#include <optional>

#include "core/label/pattern_label.hpp"
#include "gui/colour/label_scheme.hpp"
#include "gui/colour/theme.hpp"

namespace bragglive::gui {

class VoteBars : public QWidget {
  Q_OBJECT
 public:
  explicit VoteBars(ThemeKind theme, QWidget* parent = nullptr);
  void show_label(const std::optional<PatternLabel>& label, const LabelScheme& labels);
  void set_theme(ThemeKind theme);
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return sizeHint(); }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  std::vector<std::uint8_t> listed() const;

  LabelScheme labels_;
  std::optional<PatternLabel> label_;
  ThemeKind theme_;
};

}  // namespace bragglive::gui
