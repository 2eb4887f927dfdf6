// The pattern as a plane figure: its two-dimensional lattice and its symmetry.
#pragma once
#include "core/features/index_spots.hpp"

namespace bragglive::indexing {

struct PlaneFeatures {
  // Reduced cell a <= b, 60..90 degrees, 1/Å; 0 when none was found.
  float a = 0, b = 0, angle = 0, ratio = 0, area = 0;
  float share = 0;  // of the spots that lie on it
  float merit = 0;  // share above chance, in standard deviations
  // Share of the spots whose image lies on a spot, and the mean weaker / stronger of the two.
  float two_fold = 0, three_fold = 0, four_fold = 0, six_fold = 0, mirror = 0;
  float two_fold_ratio = 0, three_fold_ratio = 0, four_fold_ratio = 0, six_fold_ratio = 0, mirror_ratio = 0;
  float second_mirror = 0;  // best mirror more than 10 degrees off the first
};
void describe_plane(const SpotList& list, double sigma, PlaneFeatures& out) noexcept;

}  // namespace bragglive::indexing
