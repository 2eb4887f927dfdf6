// What the model says about one position: state, votes, space group, lattice lengths with spread, overlap of
// grains.
#pragma once
#include <QWidget>
#include <array>
#include <optional>

#include "gui/colour/label_scheme.hpp"
#include "gui/colour/theme.hpp"
#include "plugin/session.hpp"

class QLabel;

namespace bragglive::gui {

class VoteBars;

// "4.08 ± 0.05 Å"; "–" for what the forests did not give.
QString length_text(float angstrom, float spread);

class LabelPanel : public QWidget {
  Q_OBJECT
 public:
  explicit LabelPanel(ThemeKind theme, QWidget* parent = nullptr);
  void show_detail(const std::optional<PositionDetail>& detail);
  void set_theme(ThemeKind theme);

 private:
  VoteBars* votes_;
  QLabel* verdict_;
  QLabel* note_;
  std::array<QLabel*, 3> lattice_{};
  QLabel* space_group_;
  QLabel* confidence_;
  QLabel *mixed_, *outlier_;
  LabelScheme labels_;
  std::vector<QLabel*> captions_;
};

}  // namespace bragglive::gui
