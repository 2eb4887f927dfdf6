// What the map can show, and how a position's number for it is read from a snapshot.
#pragma once
#include <QString>
#include <array>
#include <cstdint>

#include "core/label/map_snapshot.hpp"
#include "gui/colour/ramp.hpp"

namespace bragglive::gui {

enum class MapMode : std::uint8_t {
  crystal_system,
  reliability,  // difference confidence as predicted, before the filter
  lattice_a,
  lattice_b,
  lattice_c,
  disk_count,
  bright_field,
  dark_field,
  mixed,   // probability that grains overlap
  outlier  // probability that the pattern is unlike anything learnt
};
constexpr int k_map_modes = 10;

// What the lightness of the crystal-system view means.
enum class Lightness : std::uint8_t {
  confidence,  // share of the trees that voted for the position's own label
  margin,      // difference confidence after the 5x5 filter: what the threshold acts on
  none
};

struct MapModeInfo {
  QString title;  // on the tab
  QString long_title;
  QString unit;  // empty for a pure number
  RampKind ramp = RampKind::viridian;
  int decimals = 2;
  bool fixed_range = false;  // 0..1 whatever the data
};
const MapModeInfo& info_of(MapMode mode);

// NaN where the position has no such number. Not for crystal_system. Lattice lengths only where the label
// stands.
float value_at(const MapRow& row, std::size_t col, MapMode mode);

}  // namespace bragglive::gui
