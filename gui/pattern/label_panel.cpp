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

// A label's own number in the scheme.
std::uint8_t number_of(const LabelScheme& labels, CrystalSystem system, std::uint8_t phase) {
  return labels.has_phases() ? phase : static_cast<std::uint8_t>(system);
}

QString verdict_of(const LabelScheme& labels, const PositionDetail& d) {
  if (d.state == PositionState::labelled)
    return labels.name(number_of(labels, d.filtered_system, d.filtered_phase));
  if (d.state == PositionState::low_confidence && labels.has_phases() && d.label && d.label->phase == 0)
    return labels.name(0);
  return label_of(d.state);
}

// Says it when the map shows something else than this pattern's own votes, or why there are none.
QString note_of(const LabelScheme& labels, const PositionDetail& d) {
  if (!d.label) return explanation_of(d.state);
  const std::uint8_t own = number_of(labels, d.label->system, d.label->phase);
  if (d.state == PositionState::labelled && own != number_of(labels, d.filtered_system, d.filtered_phase))
    return QStringLiteral("The 5×5 neighbourhood outvoted this pattern's own %1.").arg(labels.name(own));
  if (d.state == PositionState::low_confidence && labels.has_phases() && own == 0)
    return QStringLiteral("The pattern is that of no candidate; %1 Bragg disks.").arg(d.disks_px.size());
  if (d.state == PositionState::low_confidence)
    return QStringLiteral("Below the threshold; this pattern alone says %1.").arg(labels.name(own));
  return QStringLiteral("From %1 Bragg disks.").arg(d.disks_px.size());
}

// Worth a word from here on: half of the single patterns that the model was scored with lie far below.
constexpr float k_likely = 0.5F;

QString share_text(float probability) {
  return std::isfinite(probability) ? QString::number(static_cast<double>(probability), 'f', 2) : k_nothing;
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
  mixed_ = add(QStringLiteral("overlapping"), 2, 2);
  outlier_ = add(QStringLiteral("unlike a crystal"), 3, 2);
  auto* difference = new QLabel(QStringLiteral("± half the central 68 % of the trees"), this);
  captions_.push_back(difference);
  grid->addWidget(difference, 3, 0, 1, 2);
  mixed_->setToolTip(QStringLiteral("Probability that two or more overlapping grains made this pattern"));
  outlier_->setToolTip(
      QStringLiteral("Probability that the pattern is unlike anything the model learnt from"));
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
  if (detail) labels_ = LabelScheme(detail->phases);
  verdict_->setText(detail ? verdict_of(labels_, *detail) : k_nothing);
  note_->setText(detail ? note_of(labels_, *detail) : QString());
  votes_->show_label(label, labels_);
  const auto show_quality = [&](QLabel* field, float probability) {
    field->setText(label ? share_text(probability) : k_nothing);
    QFont font = field->font();
    font.setBold(label && probability >= k_likely);
    field->setFont(font);
  };
  show_quality(mixed_, label ? label->mixed : 0);
  show_quality(outlier_, label ? label->outlier : 0);
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
