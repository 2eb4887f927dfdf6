// What symmetry gives the simulator: labels, the standard cell, centring translations and an inversion
// centre.
#pragma once
#include <Eigen/Core>
#include <optional>
#include <vector>

#include "core/crystal/crystal.hpp"

namespace bragglive {

// Sets space_group, system and standard_cell (spglib; tolerance in Å). The crystal's own cell and atoms stay
// as they are.
Expected<void> assign_symmetry(Crystal& crystal, double tolerance_angstrom = 0.01);

// The same crystal in spglib's idealised standard conventional cell (ITA standard setting, unique axis b,
// hexagonal axes for rhombohedral groups, origin choice 2). Anisotropic displacements become their isotropic
// equivalents.
Expected<Crystal> to_standard_cell(const Crystal& crystal, double tolerance_angstrom = 0.01);

// Pure translations of the cell that map the crystal onto itself, without 0 (fractional, in [0, 1)): a
// reflection couples to the incident beam only if g·t is whole for all of them. Tolerance in Å.
std::vector<Eigen::Vector3d> centring_translations(const Crystal& crystal, double tolerance_angstrom = 1e-4);

// The inversion centre (fractional) if there is one: seen from it every structure factor without absorption
// is real.
std::optional<Eigen::Vector3d> inversion_centre(const Crystal& crystal, double tolerance_angstrom = 1e-4);

}  // namespace bragglive
