#include "gui/pattern/vote_bars.hpp"

#include <QPainter>

#include "gui/map/legend_panel.hpp"

namespace bragglive::gui {
namespace {
constexpr int k_gap = 4;
}

VoteBars::VoteBars(ThemeKind theme_kind, QWidget* parent) : QWidget(parent), theme_(theme_kind) {
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  setAccessibleName(QStringLiteral("Votes"));
}

void VoteBars::show_label(const std::optional<PatternLabel>& label, const LabelScheme& labels) {
  label_ = label;
  labels_ = labels;
  update();
}

void VoteBars::set_theme(ThemeKind theme_kind) {
  theme_ = theme_kind;
  update();
}

std::vector<std::uint8_t> VoteBars::listed() const {
  std::vector<std::uint8_t> out = labels_.listed();
  if (labels_.has_phases()) out.push_back(0);
  return out;
}

QSize VoteBars::sizeHint() const {
  // Room for as many as there can be: the panel would jump with every model.
  constexpr int lines = k_crystal_systems;
  return {280, lines * (fontMetrics().height() + k_gap)};
}

void VoteBars::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const Theme& colours = theme(theme_);
  const MapPalette& palette = map_palette(theme_);
  const double line = fontMetrics().height() + k_gap;
  const double name_width = fontMetrics().horizontalAdvance(QStringLiteral("orthorhombic")) + 42;
  const double number_width = fontMetrics().horizontalAdvance(QStringLiteral("128 of 128")) + 8;
  const double bar_width = width() - name_width - number_width;
  const bool any = label_ && label_->trees > 0;
  double y = 0;
  const std::uint8_t own =
      label_ ? (labels_.has_phases() ? label_->phase : static_cast<std::uint8_t>(label_->system)) : 0;
  for (const std::uint8_t number : listed()) {
    const std::uint16_t votes = any ? label_->votes[number] : std::uint16_t{0};
    const bool winner = any && own == number;
    paint_label_swatch(painter, QRectF(0, y + 1, 22, line - k_gap), labels_, number, palette);
    QFont font = painter.font();
    font.setBold(winner);
    painter.setFont(font);
    painter.setPen(votes > 0 ? colours.text : colours.dim);
    painter.drawText(
        QRectF(30, y, name_width - 30, line - 2), Qt::AlignLeft | Qt::AlignVCenter,
        fontMetrics().elidedText(labels_.name(number), Qt::ElideRight, static_cast<int>(name_width - 34)));
    const QRectF track(name_width, y + 3, bar_width, line - k_gap - 4);
    painter.fillRect(track, colours.raised);
    if (votes > 0)
      painter.fillRect(QRectF(track.topLeft(), QSizeF(bar_width * votes / label_->trees, track.height())),
                       QColor(palette.system[labels_.colour(number)]));
    if (any)
      painter.drawText(
          QRectF(width() - number_width, y, number_width, line - 2), Qt::AlignRight | Qt::AlignVCenter,
          winner ? QStringLiteral("%1 of %2").arg(votes).arg(label_->trees) : QString::number(votes));
    y += line;
  }
}

}  // namespace bragglive::gui
