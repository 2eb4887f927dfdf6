// Which zone axes a data set looks along.
#pragma once
#include <Eigen/Core>
#include <string_view>
#include <vector>

#include "core/bloch/scan/counter_random.hpp"
#include "core/crystal/laue_class.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

constexpr int k_max_zones = 2000;

// N symmetry-unique directions spread evenly over the fundamental sector: its corners (the zones of highest
// symmetry) first, then always the point farthest from all chosen ones and their images (fewer corners than
// asked for: the first N). The same for all crystals of a class. Unit vectors; count in 1..k_max_zones.
Expected<std::vector<Eigen::Vector3d>> even_zones(LaueClass laue, int count);

// Uniform over the sector.
Eigen::Vector3d random_zone(LaueClass laue, CounterRandom& random);

// The plan of py4DSTEM's orientation_plan("auto") for a point group (Hermann-Mauguin, e.g. "m-3m", "32"):
// rows of directions over the group's wedge, step in degrees. Fails for an unknown group or a step outside
// 0.5..45.
Expected<std::vector<Eigen::Vector3d>> zone_plan(std::string_view point_group, double step_degrees);

}  // namespace bragglive
