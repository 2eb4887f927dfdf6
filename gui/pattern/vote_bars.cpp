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

void VoteBars::show_label(const std::optional<PatternLabel>& label) {
  label_ = label;
  update();
}

void VoteBars::set_theme(ThemeKind theme_kind) {
  theme_ = theme_kind;
  update();
}

QSize VoteBars::sizeHint() const {
  const int lines = static_cast<int>(listed_systems().size());
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
  for (const CrystalSystem system : listed_systems()) {
    const std::uint16_t votes = any ? label_->votes[static_cast<std::size_t>(system)] : std::uint16_t{0};
    const bool winner = any && label_->system == system;
    paint_system_swatch(painter, QRectF(0, y + 1, 22, line - k_gap), system, palette);
    QFont font = painter.font();
    font.setBold(winner);
    painter.setFont(font);
    painter.setPen(votes > 0 ? colours.text : colours.dim);
    painter.drawText(QRectF(30, y, name_width - 30, line - 2), Qt::AlignLeft | Qt::AlignVCenter,
                     label_of(system));
    const QRectF track(name_width, y + 3, bar_width, line - k_gap - 4);
    painter.fillRect(track, colours.raised);
    if (votes > 0)
      painter.fillRect(QRectF(track.topLeft(), QSizeF(bar_width * votes / label_->trees, track.height())),
                       QColor(palette.system[static_cast<std::size_t>(system)]));
    if (any)
      painter.drawText(
          QRectF(width() - number_width, y, number_width, line - 2), Qt::AlignRight | Qt::AlignVCenter,
          winner ? QStringLiteral("%1 of %2").arg(votes).arg(label_->trees) : QString::number(votes));
    y += line;
  }
}

}  // namespace bragglive::gui
