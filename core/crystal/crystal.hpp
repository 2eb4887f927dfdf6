// A crystal as the simulator sees it: cell, every atom of it, symmetry labels.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/frame/error.hpp"
#include "core/label/crystal_system.hpp"

namespace bragglive {

// Lengths in Å, angles in degrees.
struct CellParameters {
  double a = 0, b = 0, c = 0;
  double alpha = 90, beta = 90, gamma = 90;
  friend bool operator==(const CellParameters&, const CellParameters&) = default;
};

struct Atom {
  int z = 0;                                           // atomic number
  Eigen::Vector3d position = Eigen::Vector3d::Zero();  // fractional, in [0, 1)
  double occupancy = 1;                                // 0 < occupancy <= 1
  double u_squared = 0;                     // mean-square displacement along one direction, Å^2 (U_iso)
  std::optional<Eigen::Matrix3d> u_tensor;  // anisotropic displacement in the Cartesian frame, Å^2
};

enum class Split : std::uint8_t { train = 0, test = 1, none = 255 };

// The Cartesian frame has a along x and b in the xy plane. Vectors of the reciprocal lattice carry no 2π.
struct Crystal {
  std::string id;       // of the source: a database id or a file name
  std::string formula;  // reduced, e.g. "Fe2O3"
  std::string group;    // materials with the same key stay on one side of a train/test split
  CellParameters cell;
  std::vector<Atom> atoms;  // all atoms of the cell
  int space_group = 0;      // 1..230; 0 = not determined
  CrystalSystem system = CrystalSystem::none;
  CellParameters standard_cell;  // the standard conventional cell (equal to `cell` when the crystal is in it)
  Split split = Split::none;
};

// Rows are a, b, c in Å.
Eigen::Matrix3d lattice_rows(const CellParameters& cell);
// Rows are a*, b*, c* in 1/Å: lattice_rows · reciprocal_rowsᵀ = 1.
Eigen::Matrix3d reciprocal_rows(const CellParameters& cell);
double cell_volume(const CellParameters& cell);  // Å^3

// The number of an element's symbol ("Fe" -> 26, "D" -> 1), or nothing.
std::optional<int> atomic_number(std::string_view symbol);
std::string_view element_symbol(int z);  // "X" outside 1..118

// Reduced formula in order of atomic number, weighted by occupancy; e.g. "O2Ti", "Au".
std::string reduced_formula(const Crystal& crystal);

constexpr std::size_t k_max_atoms = 5000;    // in one cell; larger cells are refused
constexpr double k_max_cell_length = 1000;   // Å
constexpr double k_shortest_distance = 0.5;  // Å; closer atoms overlap unless they share one site

// Refuses what cannot be simulated: no or an impossible cell, no atoms, unknown elements, occupancies outside
// (0, 1], sites filled beyond 1, atoms that overlap. The message names the crystal and the atom.
Expected<void> validate(const Crystal& crystal);

}  // namespace bragglive
