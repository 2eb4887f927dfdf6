#include "gui/map/legend_panel.hpp"

#include <QCheckBox>
#include <QGridLayout>
#include <QLabel>
#include <QLocale>
#include <QPainter>

#include "gui/colour/oklab.hpp"
#include "gui/map/map_marks.hpp"

namespace bragglive::gui {
namespace {

void paint_box(QPainter& painter, const QRectF& box, QRgb fill) {
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(QPen(QColor(128, 134, 144, 160), 1));
  painter.setBrush(QColor(fill));
  painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
}

QLabel* number_label(QWidget* parent) {
  auto* label = new QLabel(parent);
  label->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
  return label;
}

}  // namespace

void paint_label_swatch(QPainter& painter, const QRectF& box, const LabelScheme& labels, std::uint8_t label,
                        const MapPalette& palette) {
  const QRgb fill = palette.system[labels.colour(label)];
  paint_box(painter, box, fill);
  painter.setPen(ink_on(fill));
  QFont font = painter.font();
  const QFont before = font;
  font.setBold(true);
  font.setPixelSize(static_cast<int>(box.height() * 0.68));
  painter.setFont(font);
  painter.drawText(box, Qt::AlignCenter, labels.mark(label));
  painter.setFont(before);
}

void paint_state_swatch(QPainter& painter, const QRectF& box, PositionState state,
                        const MapPalette& palette) {
  if (state == PositionState::low_confidence) {
    // Its hue is that of the nearest system: show two of them, as dark as they get.
    paint_box(painter, box, mix(palette.ground, palette.system[7], k_low_confidence_share));
    painter.setPen(Qt::NoPen);
    painter.setBrush(QColor(mix(palette.ground, palette.system[6], k_low_confidence_share)));
    painter.drawRect(QRectF(box.center().x(), box.top() + 1, box.width() / 2 - 1, box.height() - 2));
    return;
  }
  const QRgb fill = state_colour(palette, state);
  paint_box(painter, box, fill);
  if (is_fault(state)) paint_fault_mark(painter, box, state, ink_on(fill));
}

const std::vector<PositionState>& listed_states() {
  static const std::vector<PositionState> order = {PositionState::low_confidence,
                                                   PositionState::too_few_disks,
                                                   PositionState::pending,
                                                   PositionState::skipped_by_policy,
                                                   PositionState::missing,
                                                   PositionState::corrupt,
                                                   PositionState::late};
  return order;
}

QString percent_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return QStringLiteral("–");
  const double percent = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  if (part > 0 && percent < 0.1) return QStringLiteral("< 0.1 %");
  return QStringLiteral("%1 %").arg(percent, 0, 'f', 1);
}

Swatch::Swatch(PositionState state, ThemeKind theme_kind, QWidget* parent)
    : QWidget(parent), state_(state), theme_(theme_kind) {
  setFixedSize(sizeHint());
}

void Swatch::set_label(LabelScheme labels, std::uint8_t label) {
  labels_ = std::move(labels);
  label_ = label;
  update();
}

void Swatch::set_theme(ThemeKind theme_kind) {
  theme_ = theme_kind;
  update();
}

void Swatch::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const QRectF box = QRectF(rect()).adjusted(0, 1, 0, -1);
  if (label_)
    paint_label_swatch(painter, box, labels_, *label_, map_palette(theme_));
  else
    paint_state_swatch(painter, box, state_, map_palette(theme_));
}

LegendPanel::LegendPanel(ThemeKind theme_kind, QWidget* parent) : QWidget(parent) {
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(10, 8, 10, 8);
  grid->setHorizontalSpacing(8);
  grid->setVerticalSpacing(3);
  grid->setColumnStretch(2, 1);
  int row = 0;
  add_header(*grid, row++, QStringLiteral("Label"), QStringLiteral("of labelled"));
  for (const std::uint8_t number : scheme_.listed()) {
    const QString name = scheme_.name(number);
    auto* const box = boxes_[number] = new QCheckBox(this);
    box->setChecked(true);
    box->setToolTip(QStringLiteral("Untick to take %1 out of the contest for the label").arg(name));
    box->setAccessibleName(QStringLiteral("allow ") + name);
    connect(box, &QCheckBox::toggled, this, [this] { Q_EMIT systems_changed(allowed_systems()); });
    labels_.push_back(
        add_line(*grid, row++, new Swatch(PositionState::labelled, theme_kind, this), name, box));
  }
  none_ = add_line(*grid, row++, new Swatch(PositionState::low_confidence, theme_kind, this), {}, nullptr);
  set_scheme(LabelScheme());
  grid->setRowMinimumHeight(row++, 8);
  add_header(*grid, row++, QStringLiteral("No label"), QStringLiteral("of the scan"));
  for (const PositionState state : listed_states()) {
    const auto i = static_cast<std::size_t>(state);
    states_[i] = add_line(*grid, row++, new Swatch(state, theme_kind, this), label_of(state), nullptr);
    states_[i].name->setToolTip(explanation_of(state));
    states_[i].swatch->setToolTip(explanation_of(state));
  }
  show_snapshot(nullptr);
  set_theme(theme_kind);
}

void LegendPanel::add_header(QGridLayout& grid, int row, const QString& left, const QString& right) {
  auto* name = new QLabel(left, this);
  auto* share = number_label(this);
  share->setText(right);
  grid.addWidget(name, row, 0, 1, 3);
  grid.addWidget(share, row, 3, 1, 2);
  headers_.push_back(name);
  headers_.push_back(share);
}

LegendPanel::Line LegendPanel::add_line(QGridLayout& grid, int row, Swatch* swatch, const QString& name,
                                        QCheckBox* box) {
  Line line{swatch, new QLabel(name, this), number_label(this), number_label(this)};
  if (box) grid.addWidget(box, row, 0);
  grid.addWidget(swatch, row, 1);
  grid.addWidget(line.name, row, 2);
  grid.addWidget(line.share, row, 3);
  grid.addWidget(line.count, row, 4);
  line.share->setMinimumWidth(fontMetrics().horizontalAdvance(QStringLiteral("100.0 % ")));
  line.count->setMinimumWidth(fontMetrics().horizontalAdvance(QStringLiteral("1,048,576")));
  return line;
}

void LegendPanel::set_theme(ThemeKind theme_kind) {
  const QString dim = QStringLiteral("color: %1").arg(theme(theme_kind).dim.name());
  for (QLabel* header : headers_) header->setStyleSheet(dim);
  const auto paint = [&](Line& line) {
    if (!line.swatch) return;
    line.swatch->set_theme(theme_kind);
    line.count->setStyleSheet(dim);
  };
  for (Line& line : labels_) paint(line);
  paint(none_);
  for (Line& line : states_) paint(line);
}

void LegendPanel::set_line_shown(Line& line, bool shown) {
  for (QWidget* part : std::initializer_list<QWidget*>{line.swatch, line.name, line.share, line.count})
    part->setVisible(shown);
}

// A specimen model's phases take the places of the crystal systems. Which of them may win cannot be chosen.
void LegendPanel::set_scheme(const LabelScheme& labels) {
  scheme_ = labels;
  const std::vector<std::uint8_t>& listed = scheme_.listed();
  for (std::size_t i = 0; i < labels_.size(); ++i) {
    const bool used = i < listed.size();
    set_line_shown(labels_[i], used);
    if (!used) continue;
    labels_[i].swatch->set_label(scheme_, listed[i]);
    labels_[i].name->setText(scheme_.name(listed[i]));
  }
  for (QCheckBox* box : boxes_)
    if (box) box->setVisible(!scheme_.has_phases());
  set_line_shown(none_, scheme_.has_phases());
  none_.swatch->set_label(scheme_, 0);
  none_.name->setText(scheme_.name(0));
}

void LegendPanel::show_snapshot(const MapSnapshot* map) {
  if (const LabelScheme labels = LabelScheme::of(map); labels != scheme_) set_scheme(labels);
  const QLocale english(QLocale::English);
  const auto fill = [&](Line& line, std::uint64_t part, std::uint64_t whole) {
    line.share->setText(percent_text(part, whole));
    line.count->setText(map ? english.toString(static_cast<qulonglong>(part)) : QString());
  };
  const std::uint64_t labelled = map ? map->states[static_cast<std::size_t>(PositionState::labelled)] : 0;
  const std::uint64_t all = map ? map->scan.positions() : 0;
  for (std::size_t i = 0; i < scheme_.listed().size(); ++i)
    fill(labels_[i], map ? scheme_.count(*map, scheme_.listed()[i]) : 0, labelled);
  if (scheme_.has_phases()) fill(none_, scheme_.count(*map, 0), all);
  for (std::size_t i = 0; i < states_.size(); ++i)
    if (states_[i].name) fill(states_[i], map ? map->states[i] : 0, all);
}

std::vector<CrystalSystem> LegendPanel::allowed_systems() const {
  std::vector<CrystalSystem> allowed;
  for (std::size_t i = 1; i < boxes_.size(); ++i)
    if (boxes_[i]->isChecked()) allowed.push_back(static_cast<CrystalSystem>(i));
  return allowed.size() + 1 == boxes_.size() ? std::vector<CrystalSystem>{} : allowed;
}

}  // namespace bragglive::gui
