// One label for several patterns of one crystal: the paper's difference aggregation.
#pragma once
#include <array>
#include <span>

#include "core/label/pattern_label.hpp"

namespace bragglive {

struct AggregateLabel {
  CrystalSystem system = CrystalSystem::none;  // none: no pattern has any weight
  std::array<double, k_crystal_systems>
      weight{};                   // sum of difference confidences of the patterns with that label
  float confidence = 0;           // the winner's share of all weights
  std::uint16_t space_group = 0;  // most often named by the patterns of the winning system, weighted likewise
  std::array<float, 3> lattice_angstrom{};  // median over the patterns of the winning system; NaN without any
};

// Ties go to the lower number.
AggregateLabel aggregate(std::span<const PatternLabel> patterns);

// Space group and lattice of all patterns together: the group by the sum of its shares of votes, the lengths
// as medians. What the labels' own systems are does not matter.
void agree_on_structure(std::span<const PatternLabel> patterns, std::uint16_t& space_group,
                        std::array<float, 3>& lattice_angstrom);

}  // namespace bragglive
