// One material through the simulator and the measurement, into a block of a data set.
#pragma once
#include <vector>

#include "core/bloch/dataset_block.hpp"
#include "core/bloch/dataset_settings.hpp"

namespace bragglive {

// Buffers of one worker.
struct MaterialScratch {
  BlochScratch bloch;
  DiffractionPattern pattern;
  std::vector<std::uint32_t> kept;
  std::vector<double> thicknesses_nm;
};

// Appends the material and all its patterns; on failure the block is unchanged. `grid` holds the zone axes of
// the crystal's Laue class (ZoneChoice::grid). All random numbers depend on the seed, the crystal's id and
// the pattern's number only.
Expected<void> add_material(const Crystal& crystal, const DatasetSettings& settings,
                            const std::vector<Eigen::Vector3d>& grid, MaterialScratch& scratch,
                            DatasetBlock& block);

}  // namespace bragglive
