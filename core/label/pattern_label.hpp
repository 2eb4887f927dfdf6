// What the forests say about one pattern.
#pragma once
#include <array>
#include <cstdint>

#include "core/label/crystal_system.hpp"

namespace bragglive {

struct PatternLabel {
  CrystalSystem system = CrystalSystem::none;          // arg-max of the averaged leaf probabilities
  std::array<std::uint16_t, k_crystal_systems> votes{};  // hard tree votes, index = CrystalSystem
  std::uint16_t trees = 0;
  float confidence = 0;             // hard votes of the most voted system / trees
  float difference_confidence = 0;  // (top - second hard votes) / trees
  std::uint16_t space_group = 0;    // 1..230; 0 = none
  float space_group_confidence = 0;
  std::array<float, 3> lattice_angstrom{};         // a, b, c: median over the trees of the system's lattice forest
  std::array<float, 3> lattice_spread_angstrom{};  // half the central 68 % of the trees
};

}  // namespace bragglive
