// Crystals as the phases of a specimen model.
#pragma once
#include <filesystem>
#include <span>
#include <vector>

#include "core/crystal/crystal.hpp"
#include "core/phases/phase_table.hpp"

namespace bragglive {

// `crystal` in its standard cell. Very large cells keep the reflections of smallest |g|.
Expected<Phase> phase_of_crystal(const Crystal& crystal, const std::string& name);

struct Candidates {
  std::vector<Crystal> crystals;  // in the standard cell
  std::vector<Phase> phases;      // beside them
};

// One CIF file a candidate. Refuses no file, more than 7, and two that a diffraction pattern cannot tell
// apart: the same lattice within 0.3 % and the same intensities.
Expected<Candidates> load_candidates(std::span<const std::filesystem::path> files);

// Same lattice within `tolerance` (relative lengths, degrees/100) and system.
bool same_lattice(const std::array<float, 6>& p, const std::array<float, 6>& q, double tolerance);

}  // namespace bragglive
