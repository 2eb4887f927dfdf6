// The legend with live percentages; its boxes choose which systems may be labels, its numbers say what became
// of the scan.
#pragma once
#include <QWidget>
#include <array>
#include <optional>
#include <vector>

#include "core/label/map_snapshot.hpp"
#include "gui/colour/label_scheme.hpp"

class QCheckBox;
class QGridLayout;
class QLabel;

namespace bragglive::gui {

// A swatch with a letter (label) or a mark (state), as in the map. Used on screen and in exported pictures.
void paint_label_swatch(QPainter& painter, const QRectF& box, const LabelScheme& labels, std::uint8_t label,
                        const MapPalette& palette);
void paint_state_swatch(QPainter& painter, const QRectF& box, PositionState state, const MapPalette& palette);

// Order in which states are listed: what is most often looked for comes first.
const std::vector<PositionState>& listed_states();  // without labelled
// "53.2 %", with "< 0.1 %" for the few that a rounding would hide and "-" for none of nothing.
QString percent_text(std::uint64_t part, std::uint64_t whole);

class Swatch : public QWidget {
  Q_OBJECT
 public:
  Swatch(PositionState state, ThemeKind theme, QWidget* parent);
  // From now on the swatch of a label; without a scheme that of the state again.
  void set_label(LabelScheme labels, std::uint8_t label);
  void set_theme(ThemeKind theme);
  QSize sizeHint() const override { return {24, 20}; }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  LabelScheme labels_;
  std::optional<std::uint8_t> label_;  // else the state counts
  PositionState state_;
  ThemeKind theme_;
};

class LegendPanel : public QWidget {
  Q_OBJECT
 public:
  explicit LegendPanel(ThemeKind theme, QWidget* parent = nullptr);
  void show_snapshot(const MapSnapshot* map);
  void set_theme(ThemeKind theme);
  // The systems whose boxes are ticked; empty = all of them.
  std::vector<CrystalSystem> allowed_systems() const;

 Q_SIGNALS:
  void systems_changed(std::vector<CrystalSystem> systems);

 private:
  struct Line {
    Swatch* swatch = nullptr;
    QLabel* name = nullptr;
    QLabel* share = nullptr;
    QLabel* count = nullptr;
  };
  Line add_line(QGridLayout& grid, int row, Swatch* swatch, const QString& name, QCheckBox* box);
  static void set_line_shown(Line& line, bool shown);
  void set_scheme(const LabelScheme& labels);
  void add_header(QGridLayout& grid, int row, const QString& left, const QString& right);

  LabelScheme scheme_;
  std::vector<Line> labels_;                           // one per label of the scheme, in its order
  Line none_;                                          // a specimen model's "none of these"
  std::array<QCheckBox*, k_crystal_systems> boxes_{};  // by crystal system
  std::array<Line, k_position_states> states_{};
  std::vector<QLabel*> headers_;
};

}  // namespace bragglive::gui
