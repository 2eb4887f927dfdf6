// Pixel size and ellipse from the plane lattices of a known crystal in few orientations, where no ring has
// disks all around.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "core/calibrate/pixel_size.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

struct LatticeScale {
  PixelSizeFit pixel_size;
  EllipseFit ellipse;                // found: beyond three sigma
  std::size_t frames = 0;            // whose lattice is a zone of the crystal
  std::size_t lattices = 0;          // different ones among them
  std::array<double, 2> keystone{};  // as in Calibration; zero: nothing certain
  double other_size = 0;             // another pixel size that fits nearly as well; 0 = none
};

// In each frame the plane lattice of its vectors. A lattice of basis (a, b) px is a zone of
// reflections (g1, g2) where the symmetric matrix S = pixel size^2 x (ellipse) gives aᵀSa = g1², bᵀSb = g2²,
// aᵀSb = g1·g2. The S on which most lattices agree with low-index zones and a nearly round ellipse wins; it
// is refined over all vectors, vᵀSv = |h g1 + k g2|², which is linear in S. The uncertainty comes from
// leaving out a tenth of the groups at a time.
// `find_ellipse` false: S is round.
Expected<LatticeScale> fit_lattice_scale(const std::vector<RingVector>& vectors,
                                         const std::vector<KnownReflection>& reflections, double shortest_px,
                                         double low, double high, bool find_ellipse);

}  // namespace bragglive
