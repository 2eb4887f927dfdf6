// The three-dimensional reciprocal lattice of one pattern.
//
// Fast electrons see a thin shell around the Ewald sphere: a spot at (x, y) is a reciprocal-lattice point
// whose height is z = λ q²/2 up to its excitation error, which is 0.006 1/Å for what is bright at 20 nm. Away
// from low-index zone axes the spots are therefore a slice of all three dimensions: every spot is n1 b1 + n2
// b2 + n3 b3 with small whole n, x and y as exact as detection, z loose. The search takes triples of short
// spot and difference vectors as b1, b2, b3, counts the spots that whole indices explain, and refines the
// best triples by least squares.
#pragma once
#include <array>

#include "core/features/index_spots.hpp"

namespace bragglive::indexing {

constexpr std::size_t k_lattice_spots = 24;  // strongest that take part; a multiple of 8

struct LatticeFit {
  // Row-major 3 x 3; columns are b1, b2, b3 of a primitive cell, 1/Å; rows x, y, z (z up the Ewald sphere).
  std::array<double, 9> basis{};
  std::array<double, 9> inverse_normal{};  // (Σ n nᵀ)⁻¹ over the indexed spots: covariance of each row / σ²
  std::size_t spots = 0;                   // that took part
  std::size_t indexed = 0;                 // of these; 0 = no lattice was found
  double volume = 0;                       // of the primitive cell, Å³
  double chance = 0;                       // that a spot anywhere would be indexed
  double merit = 0;                        // log likelihood against chance
  double error_xy = 0, error_z = 0;        // root mean square of what is left, along one axis, 1/Å
  bool found() const { return indexed > 0; }
};

// `sigma`: error of a spot's position along one axis, 1/Å. Allocates nothing.
LatticeFit fit_lattice(const SpotList& list, double sigma) noexcept;

}  // namespace bragglive::indexing
