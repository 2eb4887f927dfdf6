// What the forests say about one pattern.
#pragma once
#include <array>
#include <cstdint>
#include <limits>

#include "core/label/crystal_system.hpp"

namespace bragglive {

struct PatternLabel {
  CrystalSystem system = CrystalSystem::none;          // arg-max of the averaged leaf probabilities
  // Hard tree votes, index = CrystalSystem; with a specimen model index = phase.
  std::array<std::uint16_t, k_crystal_systems> votes{};
  std::uint16_t trees = 0;
  // How often labels like this one are right, by the model's own table; without a table hard votes of the most voted
  // system / trees.
  float confidence = 0;
  float difference_confidence = 0;  // (top - second hard votes) / trees
  std::uint16_t space_group = 0;    // 1..230; 0 = none
  float space_group_confidence = 0;
  std::array<float, 3> lattice_angstrom{};         // a, b, c: median over the trees of the system's lattice forest
  std::array<float, 3> lattice_spread_angstrom{};  // half the central 68 % of the trees
  std::uint8_t phase = 0;  // specimen model: which candidate, from 1; 0 = none of them
  // Probability that two overlapping crystals made the pattern, and that it is like nothing that was learnt from; NaN when
  // the model does not say.
  float mixed = std::numeric_limits<float>::quiet_NaN();
  float outlier = std::numeric_limits<float>::quiet_NaN();
};

}  // namespace bragglive
