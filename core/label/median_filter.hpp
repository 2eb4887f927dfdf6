// The 5x5 filter of the label map, one plane per crystal system.
#pragma once
#include <cstdint>
#include <span>

#include "core/frame/scan_geometry.hpp"

namespace bragglive {

constexpr int k_filter_radius = 2;  // 5x5
constexpr int k_filter_window = 25;

struct FilteredLabel {
  std::uint8_t system = 0;  // CrystalSystem; 0 = every plane is zero here
  float margin = 0;         // the largest of the filtered planes
};

// The label and its margin at one position after each system's plane (difference confidence where that system
// is the label, 0 elsewhere and outside the map) has been median filtered 5x5. `window_systems` and
// `window_margins` hold the 25 window entries in any order, 0 / 0 outside the map. `known` of them count, at
// least 1: positions that never arrived (skipped, missing, corrupt) say nothing about their neighbours and
// are left out, as 0 / 0, so that a thinned scan is filtered by what there is. `allowed` has bit s set where
// system s may win.
//
// Planes are disjoint, so a median (of an even number the lower one) can be positive in one plane at most:
// the one with more than half of the known entries, 13 of 25.
FilteredLabel filter_window(std::span<const std::uint8_t, k_filter_window> window_systems,
                            std::span<const float, k_filter_window> window_margins, int known,
                            std::uint32_t allowed) noexcept;

}  // namespace bragglive
