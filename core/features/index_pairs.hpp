// What pairs of spots say: equal lengths and the angles between them, right angles, scalar products.
#pragma once
#include <array>

#include "core/features/index_lines.hpp"
#include "core/features/index_spots.hpp"

namespace bragglive::indexing {

constexpr std::size_t k_angle_bins = 18;  // 5 degrees each, 0..90: opposite vectors are one direction
constexpr std::size_t k_cosine_bins = 6;

struct PairFeatures {
  float equal_per_spot = 0;  // pairs of equal length that are not opposite, per spot
  float equal_excess =
      0;  // the same above what neighbouring differences of length suggest, in standard deviations
  float friedel_share = 0;                     // spots whose opposite was seen
  float friedel_ratio = 0;                     // mean weaker / stronger of opposite spots
  float equal_ratio = 0;                       // the same of the other equal pairs
  float right_angle_excess = 0;                // pairs at 90 degrees above chance, in standard deviations
  float sixty_share = 0, ninety_share = 0;     // of the equal pairs, within 2.5 degrees
  std::array<float, k_angle_bins> angles{};    // of equal pairs, shares
  std::array<float, k_cosine_bins> cosines{};  // |cos| of all pairs of the strongest spots, shares
};
void describe_pairs(const SpotList& list, double sigma, PairFeatures& out) noexcept;

// How far the scalar products of the spots agree with the indices that `match` gives them, in standard
// deviations above chance. Cubic: g_i·g_j / A is whole. Tetragonal, hexagonal, rhombohedral: (g_i·g_j ∓ C l_i
// l_j) / A is whole or, for the last two, half. Orthorhombic: the product is A h h' ± B k k' ± C l l'.
float product_agreement(const SpotList& list, Family family, const LatticeMatch& match,
                        double sigma) noexcept;

}  // namespace bragglive::indexing
