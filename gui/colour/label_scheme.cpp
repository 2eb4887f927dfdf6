#include "gui/colour/label_scheme.hpp"

#include <algorithm>

namespace bragglive::gui {
namespace {

const std::vector<std::uint8_t> k_systems = {7, 6, 5, 4, 3, 2, 1};
// Phases in turn: the yellow of cubic, the blue of hexagonal, the red of monoclinic, green, pale green,
// violet, mauve.
constexpr std::uint8_t k_phase_colours[k_crystal_systems] = {0, 7, 6, 2, 4, 3, 1, 5};

}  // namespace

LabelScheme::LabelScheme(PhaseNames phases) {
  if (!phases || phases->size() < 2) return;
  phases_ = std::move(phases);
  const std::size_t count = std::min<std::size_t>(phases_->size(), k_crystal_systems);
  for (std::size_t phase = 1; phase < count; ++phase) numbers_.push_back(static_cast<std::uint8_t>(phase));
}

QString LabelScheme::title() const {
  return phases_ ? QStringLiteral("Phase") : QStringLiteral("Crystal system");
}

const std::vector<std::uint8_t>& LabelScheme::listed() const {
  return phases_ ? numbers_ : k_systems;
}

QString LabelScheme::name(std::uint8_t label) const {
  if (!phases_) return label_of(static_cast<CrystalSystem>(label & 7U));
  return label < phases_->size() ? QString::fromStdString((*phases_)[label]) : QStringLiteral("unknown");
}

QString LabelScheme::mark(std::uint8_t label) const {
  if (!phases_) return letter_of(static_cast<CrystalSystem>(label & 7U));
  return label == 0 ? QStringLiteral("–") : QString::number(label);
}

std::uint8_t LabelScheme::colour(std::uint8_t label) const {
  return phases_ ? k_phase_colours[label & 7U] : label & 7U;
}

std::uint8_t LabelScheme::shown(const MapRow& row, std::size_t col) const {
  return phases_ ? row.phase[col] : row.system[col];
}

std::uint8_t LabelScheme::nearest(const MapRow& row, std::size_t col) const {
  return phases_ ? row.filtered_phase[col] : row.filtered_system[col];
}

std::uint8_t LabelScheme::predicted(const MapRow& row, std::size_t col) const {
  return phases_ ? row.raw_phase[col] : row.raw_system[col];
}

std::uint64_t LabelScheme::count(const MapSnapshot& map, std::uint8_t label) const {
  return phases_ ? map.phase_counts[label & 7U] : map.systems[label & 7U];
}

}  // namespace bragglive::gui
