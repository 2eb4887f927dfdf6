#include "gui/pattern/label_panel.hpp"

#include <QGridLayout>
#include <QLabel>
#include <QVBoxLayout>
#include <cmath>

#include "gui/colour/looks.hpp"
#include "gui/pattern/space_group_symbol.hpp"
#include "gui/pattern/vote_bars.hpp"

namespace bragglive::gui {
namespace {

const QString k_nothing = QStringLiteral("–");

QString verdict_of(const PositionDetail& d) {
  if (d.state == PositionState::labelled) return label_of(d.filtered_system);
  return label_of(d.state);
}

// Says it when the map shows something else than this pattern's own votes, or why there are none.
QString note_of(const PositionDetail& d) {
  if (!d.label) return explanation_of(d.state);
  if (d.state == PositionState::labelled && d.label->system != d.filtered_system)
    return QStringLiteral("The 5×5 neighbourhood outvoted this pattern's own %1.")
        .arg(label_of(d.label->system));
  if (d.state == PositionState::low_confidence)
    return QStringLiteral("Below the threshold; this pattern alone says %1.").arg(label_of(d.label->system));
  return QStringLiteral("From %1 Bragg disks.").arg(d.disks_px.size());
}

}  // namespace

QString length_text(float angstrom, float spread) {
  if (!std::isfinite(angstrom) || angstrom <= 0) return k_nothing;
  const QString value = QString::number(static_cast<double>(angstrom), 'f', 2);
  if (!std::isfinite(spread)) return value + QStringLiteral(" Å");
  return QStringLiteral("%1 ± %2 Å").arg(value, QString::number(static_cast<double>(spread), 'f', 2));
}

LabelPanel::LabelPanel(ThemeKind theme_kind, QWidget* parent) : QWidget(parent) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(10, 8, 10, 8);
  column->setSpacing(6);
  verdict_ = new QLabel(this);
  QFont large = verdict_->font();
  large.setPointSizeF(large.pointSizeF() * 1.35);
  large.setBold(true);
  verdict_->setFont(large);
  note_ = new QLabel(this);
  note_->setWordWrap(true);
  note_->setMinimumHeight(2 * note_->fontMetrics().height() +
                          2);  // or the panel would jump with every position
  note_->setAlignment(Qt::AlignLeft | Qt::AlignTop);
  votes_ = new VoteBars(theme_kind, this);
  auto* grid = new QGridLayout;
  grid->setHorizontalSpacing(12);
  grid->setVerticalSpacing(3);
  const auto add = [&](const QString& caption, int row, int col) {
    auto* name = new QLabel(caption, this);
    auto* value = new QLabel(this);
    value->setTextInteractionFlags(Qt::TextSelectableByMouse);
    grid->addWidget(name, row, col);
    grid->addWidget(value, row, col + 1);
    captions_.push_back(name);
    return value;
  };
  lattice_ = {add(QStringLiteral("a"), 0, 0), add(QStringLiteral("b"), 1, 0), add(QStringLiteral("c"), 2, 0)};
  space_group_ = add(QStringLiteral("space group"), 0, 2);
  confidence_ = add(QStringLiteral("confidence"), 1, 2);
  auto* difference = new QLabel(QStringLiteral("± half the central 68 % of the trees"), this);
  captions_.push_back(difference);
  grid->addWidget(difference, 2, 2, 1, 2);
  grid->setColumnStretch(1, 1);
  grid->setColumnStretch(3, 1);
  column->addWidget(verdict_);
  column->addWidget(note_);
  column->addWidget(votes_);
  column->addLayout(grid);
  column->addStretch(1);
  captions_.push_back(note_);
  set_theme(theme_kind);
  show_detail(std::nullopt);
}

void LabelPanel::set_theme(ThemeKind theme_kind) {
  for (QLabel* caption : captions_)
    caption->setStyleSheet(QStringLiteral("color: %1").arg(theme(theme_kind).dim.name()));
  votes_->set_theme(theme_kind);
}

void LabelPanel::show_detail(const std::optional<PositionDetail>& detail) {
  const std::optional<PatternLabel> label = detail ? detail->label : std::nullopt;
  verdict_->setText(detail ? verdict_of(*detail) : k_nothing);
  note_->setText(detail ? note_of(*detail) : QString());
  votes_->show_label(label);
  for (std::size_t i = 0; i < 3; ++i)
    lattice_[i]->setText(label ? length_text(label->lattice_angstrom[i], label->lattice_spread_angstrom[i])
                               : k_nothing);
  space_group_->setText(k_nothing);
  if (label && label->space_group > 0)
    space_group_->setText(QStringLiteral("%1 (%2), %3 %")
                              .arg(space_group_symbol(label->space_group))
                              .arg(label->space_group)
                              .arg(100 * static_cast<double>(label->space_group_confidence), 0, 'f', 0));
  confidence_->setText(label ? QStringLiteral("%1, ahead by %2")
                                   .arg(static_cast<double>(label->confidence), 0, 'f', 2)
                                   .arg(static_cast<double>(label->difference_confidence), 0, 'f', 2)
                             : k_nothing);
}

}  // namespace bragglive::gui
