// Which lattice systems a measured reciprocal lattice is compatible with.
//
// A direct row [u] and a net plane (h) with u·h = 1 or 2 that are nearly perpendicular are a possible
// two-fold axis (Le Page, J. Appl. Cryst. 15 (1982) 255): the operation on indices is R = -1 + 2 h uᵀ /
// (u·h). Two axes generate the metric symmetry 222, 32, 422 or 622 as the product of their operations has
// order 2, 3, 4 or 6; 422 and one further axis generate 432. Each demands linear relations of the metric
// tensor G = Bᵀ B. The basis B is shifted by the least Mahalanobis distance that fulfils them; that distance,
// χ², tells how well the lattice agrees with the system. The heights, known least, move most.
#pragma once
#include <array>

#include "core/features/index_lattice.hpp"

namespace bragglive::indexing {

enum class LatticeSystem : std::uint8_t {
  monoclinic,
  orthorhombic,
  rhombohedral,
  tetragonal,
  hexagonal,
  cubic
};
constexpr std::size_t k_lattice_systems = 6;
constexpr double k_incompatible = 200;  // χ² of a system without any candidate

struct SystemFit {
  double chi2 = k_incompatible;
  double second = k_incompatible;  // of the next best axes
  double stretch = 0;              // ln of the change of the cell's volume
  double a = 0, b = 0, c = 0;  // conventional cell, Å; monoclinic: b the unique axis, a <= c the shortest
                               // rows across it; rhombohedral, tetragonal, hexagonal: b stands for c/a
  // Lattice points of the conventional cell; monoclinic: |cos| of the angle between a and c.
  double multiple = 0;
};

struct SymmetryFit {
  std::array<SystemFit, k_lattice_systems> system{};
  std::array<double, 3> length{}, cosine{};  // reduced direct cell: ascending lengths in Å, ascending |cos|
  double volume = 0;                         // primitive, Å³
  double volume_error = 0;                   // relative
  double two_folds = 0;                      // axes with χ² below 12
  const SystemFit& of(LatticeSystem s) const { return system[static_cast<std::size_t>(s)]; }
};

// `sigma`: error of a spot's position along one axis, 1/Å. Allocates nothing.
SymmetryFit fit_symmetry(const LatticeFit& fit, double sigma) noexcept;

}  // namespace bragglive::indexing
