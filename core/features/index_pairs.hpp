// What pairs of spots say: equal lengths and the angles between them, right angles.
#pragma once
#include "core/features/index_spots.hpp"

namespace bragglive::indexing {

struct PairFeatures {
  float equal_per_spot = 0;  // pairs of equal length that are not opposite, per spot
  float equal_excess =
      0;  // the same above what neighbouring differences of length suggest, in standard deviations
  float friedel_share = 0;                  // spots whose opposite was seen
  float friedel_ratio = 0;                  // mean weaker / stronger of opposite spots
  float equal_ratio = 0;                    // the same of the other equal pairs
  float right_angle_excess = 0;             // pairs at 90 degrees above chance, in standard deviations
  float sixty_share = 0, ninety_share = 0;  // of the equal pairs, within 2.5 degrees
};
void describe_pairs(const SpotList& list, double sigma, PairFeatures& out) noexcept;

}  // namespace bragglive::indexing
