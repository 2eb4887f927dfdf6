#include "gui/map/map_mode.hpp"

#include <limits>

namespace bragglive::gui {
namespace {

constexpr float k_no_value = std::numeric_limits<float>::quiet_NaN();

bool predicted(const MapRow& row, std::size_t col) {
  return row.raw_state[col] == static_cast<std::uint8_t>(PositionState::labelled);
}

float lattice_at(const MapRow& row, std::size_t col, std::size_t axis) {
  if (row.state[col] != static_cast<std::uint8_t>(PositionState::labelled)) return k_no_value;
  return row.lattice[axis][col];
}

}  // namespace

const MapModeInfo& info_of(MapMode mode) {
  const QString angstrom = QStringLiteral("Å");
  static const std::array<MapModeInfo, k_map_modes> infos = {
      MapModeInfo{QStringLiteral("Crystal system"),
                  QStringLiteral("Crystal system"),
                  {},
                  RampKind::viridian,
                  2,
                  true},
      MapModeInfo{QStringLiteral("Reliability"),
                  QStringLiteral("Reliability (difference confidence)"),
                  {},
                  RampKind::viridian,
                  2,
                  true},
      MapModeInfo{QStringLiteral("a"), QStringLiteral("Lattice length a"), angstrom, RampKind::viridian, 2,
                  false},
      MapModeInfo{QStringLiteral("b"), QStringLiteral("Lattice length b"), angstrom, RampKind::viridian, 2,
                  false},
      MapModeInfo{QStringLiteral("c"), QStringLiteral("Lattice length c"), angstrom, RampKind::viridian, 2,
                  false},
      MapModeInfo{QStringLiteral("Disks"), QStringLiteral("Bragg disks found"), QStringLiteral("disks"),
                  RampKind::viridian, 0, false},
      MapModeInfo{QStringLiteral("Bright field"), QStringLiteral("Virtual bright field"),
                  QStringLiteral("counts"), RampKind::viridian, 0, false},
      MapModeInfo{QStringLiteral("Dark field"), QStringLiteral("Virtual dark field"),
                  QStringLiteral("counts"), RampKind::viridian, 0, false},
      MapModeInfo{QStringLiteral("Overlap"),
                  QStringLiteral("Overlapping grains (probability)"),
                  {},
                  RampKind::viridian,
                  2,
                  true},
      MapModeInfo{QStringLiteral("Unlike"),
                  QStringLiteral("Unlike a crystal (probability)"),
                  {},
                  RampKind::viridian,
                  2,
                  true}};
  return infos[static_cast<std::size_t>(mode)];
}

float value_at(const MapRow& row, std::size_t col, MapMode mode) {
  switch (mode) {
    case MapMode::crystal_system:
      return k_no_value;
    case MapMode::reliability:
      return predicted(row, col) ? row.difference_confidence[col] : k_no_value;
    case MapMode::lattice_a:
      return lattice_at(row, col, 0);
    case MapMode::lattice_b:
      return lattice_at(row, col, 1);
    case MapMode::lattice_c:
      return lattice_at(row, col, 2);
    case MapMode::disk_count: {
      const auto state = static_cast<PositionState>(row.raw_state[col]);
      const bool read = state == PositionState::labelled || state == PositionState::too_few_disks;
      return read ? static_cast<float>(row.disk_count[col]) : k_no_value;
    }
    case MapMode::bright_field:
      return row.bright_field[col];
    case MapMode::dark_field:
      return row.dark_field[col];
    case MapMode::mixed:
      return predicted(row, col) ? row.mixed[col] : k_no_value;
    case MapMode::outlier:
      return predicted(row, col) ? row.outlier[col] : k_no_value;
  }
  return k_no_value;
}

}  // namespace bragglive::gui
