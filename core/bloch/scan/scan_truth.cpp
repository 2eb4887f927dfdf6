#include "core/bloch/scan/scan_truth.hpp"

#include <algorithm>

namespace bragglive {

std::vector<TruthPhase> truth_phases(const ScanRecipe& recipe) {
  std::vector<TruthPhase> phases;
  for (const ScanPhase& phase : recipe.phases)
    phases.push_back(
        {phase.name, phase.crystal.system, phase.crystal.space_group, phase.crystal.standard_cell});
  return phases;
}

ScanTruth scan_truth(const ScanSimulation& simulation, std::uint32_t first_row, std::uint32_t rows,
                     ScanSimulation::Scratch& scratch) {
  const ScanRecipe& recipe = simulation.recipe();
  ScanTruth truth{first_row, rows, recipe.scan.cols, {}, {}, {}, {}, {}, {}, {}};
  const std::size_t positions = std::size_t{rows} * truth.cols;
  truth.grain_count.assign(positions, 0);
  truth.phase.assign(positions, -1);
  truth.system.assign(positions, 0);
  truth.space_group.assign(positions, 0);
  truth.grain.assign(positions * k_truth_grains, -1);
  truth.thickness_nm.assign(positions * k_truth_grains, 0.0F);
  truth.weight.assign(positions * k_truth_grains, 0.0F);
  for (std::size_t i = 0; i < positions; ++i) {
    simulation.truth(std::uint64_t{first_row} * truth.cols + i, scratch);
    const auto& grains = scratch.truth;
    truth.grain_count[i] = static_cast<std::uint8_t>(std::min<std::size_t>(grains.size(), 255));
    for (std::size_t k = 0; k < std::min(grains.size(), k_truth_grains); ++k) {
      truth.grain[i * k_truth_grains + k] = static_cast<std::int32_t>(grains[k].grain);
      truth.thickness_nm[i * k_truth_grains + k] = grains[k].thickness_nm;
      truth.weight[i * k_truth_grains + k] = grains[k].weight;
    }
    if (grains.empty()) continue;
    const std::uint32_t phase = simulation.grains()[grains.front().grain].phase;
    truth.phase[i] = static_cast<std::int16_t>(phase);
    truth.system[i] = static_cast<std::uint8_t>(recipe.phases[phase].crystal.system);
    truth.space_group[i] = static_cast<std::uint16_t>(recipe.phases[phase].crystal.space_group);
  }
  return truth;
}

}  // namespace bragglive
