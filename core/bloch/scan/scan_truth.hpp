// What a simulated scan really is, position by position.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/bloch/scan/scan_simulation.hpp"
#include "core/label/crystal_system.hpp"

namespace bragglive {

constexpr std::size_t k_truth_grains = 4;  // crystals named per position; further ones are only counted

struct TruthPhase {
  std::string name;
  CrystalSystem system = CrystalSystem::none;
  int space_group = 0;
  CellParameters cell;  // standard conventional cell
};

// Positions are row-major; the per-grain planes have k_truth_grains entries per position, strongest first.
struct ScanTruth {
  std::uint32_t first_row = 0, rows = 0, cols = 0;
  std::vector<std::uint8_t> grain_count;    // crystals in the beam's path
  std::vector<std::int16_t> phase;          // of the strongest; -1 = no crystal
  std::vector<std::uint8_t> system;         // CrystalSystem of it
  std::vector<std::uint16_t> space_group;   // of it; 0 = no crystal
  std::vector<std::int32_t> grain;          // -1 = none
  std::vector<float> thickness_nm, weight;  // weight: share of the pattern's diffracted electrons
};

std::vector<TruthPhase> truth_phases(const ScanRecipe& recipe);
// The rows [first_row, first_row + rows) of the scan.
ScanTruth scan_truth(const ScanSimulation& simulation, std::uint32_t first_row, std::uint32_t rows,
                     ScanSimulation::Scratch& scratch);

}  // namespace bragglive
