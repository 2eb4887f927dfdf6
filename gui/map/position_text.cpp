#include "gui/map/position_text.hpp"

#include <cmath>

#include "gui/colour/label_scheme.hpp"

namespace bragglive::gui {
namespace {

QString line(const QString& text) {
  return QStringLiteral("<br>") + text;
}

QString state_line(const MapSnapshot& map, const MapRow& row, std::size_t col) {
  const auto state = static_cast<PositionState>(row.state[col]);
  const LabelScheme labels = LabelScheme::of(&map);
  const std::uint8_t nearest = labels.nearest(row, col);
  switch (state) {
    case PositionState::labelled:
      return labels.name(labels.shown(row, col)) +
             (row.settled[col] ? QString() : QStringLiteral(" (provisional: neighbours still to come)"));
    case PositionState::low_confidence:
      if (nearest == 0 && labels.has_phases() && labels.predicted(row, col) == 0) return labels.name(0);
      if (nearest == 0)
        return map.filtered ? QStringLiteral("low confidence: the 5×5 filter leaves no label here")
                            : QStringLiteral("low confidence: the votes are tied");
      return QStringLiteral("low confidence: %1 %2, threshold %3")
          .arg(labels.name(nearest))
          .arg(static_cast<double>(row.filtered_margin[col]), 0, 'f', 3)
          .arg(map.threshold, 0, 'f', 3);
    case PositionState::too_few_disks:
      return QStringLiteral("too few disks (%1 found) for a prediction").arg(row.disk_count[col]);
    default:
      return label_of(state) + QStringLiteral(": ") + explanation_of(state);
  }
}

// Where the model says so.
QString quality_text(const MapRow& row, std::size_t col) {
  if (!std::isfinite(row.mixed[col])) return {};
  return QStringLiteral("overlapping grains %1, unlike a crystal %2")
      .arg(static_cast<double>(row.mixed[col]), 0, 'f', 2)
      .arg(static_cast<double>(row.outlier[col]), 0, 'f', 2);
}

QString prediction_lines(const LabelScheme& labels, const MapRow& row, std::size_t col) {
  if (row.raw_state[col] != static_cast<std::uint8_t>(PositionState::labelled)) return {};
  QString text = line(QStringLiteral("predicted: %1, confidence %2, difference %3")
                          .arg(labels.name(labels.predicted(row, col)))
                          .arg(static_cast<double>(row.confidence[col]), 0, 'f', 2)
                          .arg(static_cast<double>(row.difference_confidence[col]), 0, 'f', 2));
  if (std::isfinite(row.lattice[0][col]))
    text += line(QStringLiteral("a %1  b %2  c %3 Å")
                     .arg(static_cast<double>(row.lattice[0][col]), 0, 'f', 2)
                     .arg(static_cast<double>(row.lattice[1][col]), 0, 'f', 2)
                     .arg(static_cast<double>(row.lattice[2][col]), 0, 'f', 2));
  if (const QString quality = quality_text(row, col); !quality.isEmpty()) text += line(quality);
  return text + line(QStringLiteral("%1 disks").arg(row.disk_count[col]));
}

}  // namespace

QString position_name(ScanPosition at) {
  return QStringLiteral("x %1, y %2").arg(at.col).arg(at.row);
}

QString position_html(const MapSnapshot& map, ScanPosition at) {
  const MapRow& row = *map.rows[at.row];
  const std::size_t col = at.col;
  QString text = QStringLiteral("<b>") + position_name(at) + QStringLiteral("</b>") +
                 line(state_line(map, row, col)) + prediction_lines(LabelScheme::of(&map), row, col);
  if (std::isfinite(row.bright_field[col]))
    text += line(QStringLiteral("bright field %1, dark field %2 counts")
                     .arg(static_cast<double>(row.bright_field[col]), 0, 'f', 0)
                     .arg(static_cast<double>(row.dark_field[col]), 0, 'f', 0));
  return text;
}

}  // namespace bragglive::gui
