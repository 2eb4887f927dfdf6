// The two-dimensional lattice that the disks of one zone axis form.
#pragma once
#include <array>
#include <optional>
#include <span>

#include "core/calibrate/ring_fit.hpp"

namespace bragglive {

struct PlaneLattice {
  std::array<double, 2> a{}, b{};  // px, reduced: the two shortest, |a| <= |b|, 60 to 120 degrees apart
  std::size_t vectors = 0;         // that lie on it
  double explained = 0;            // share of the vectors' weight on it
  double chance = 0;               // share that would lie on it by chance

  // Whole indices of a place, and how far (px) it lies from there.
  struct Place {
    int h = 0, k = 0;
    double miss = 0;
  };
  Place place(double row, double col) const;
};

// The lattice through the origin that most of the vectors lie on to within `tolerance_px`, against chance;
// nothing where fewer than five do, in two directions, or where it explains less than two thirds of them.
// `shortest_px`: no lattice vector is shorter.
std::optional<PlaneLattice> find_plane_lattice(std::span<const RingVector> vectors, double shortest_px,
                                               double tolerance_px);

}  // namespace bragglive
