// The contrast of a map of numbers, from the positions that have one.
#pragma once
#include <optional>
#include <vector>

#include "core/label/map_snapshot.hpp"
#include "gui/map/map_mode.hpp"

namespace bragglive::gui {

struct ValueRange {
  float low = 0, high = 1;  // low < high
  friend bool operator==(const ValueRange&, const ValueRange&) = default;
};

// The 1st to 99th percentile of at most ~40,000 positions spread over the map; nullopt when no position has a
// value. Positions that were skipped, lost or not scanned have none, so they cannot spoil the contrast.
std::optional<ValueRange> range_of(const MapSnapshot& map, MapMode mode);

// Keeps `current` unless it is off by more than 3 % of its span, so that a growing map does not flicker.
bool worth_changing(const ValueRange& current, const ValueRange& wanted);

}  // namespace bragglive::gui
