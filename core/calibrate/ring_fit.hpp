// Rings of equal |q|: from Bragg vectors or from a ring pattern; the ellipse that they are.
#pragma once
#include <cstddef>
#include <vector>

#include "core/detect/probe_kernel.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

// A point of a ring, pixels from the origin.
struct RingVector {
  double row = 0, col = 0;
  double weight = 1;
  std::size_t group = 0;  // what is left out together for uncertainties: frame, sector
  std::size_t frame = 0;
};

// Maxima along `sectors` rays of a ring pattern about (row, col): radial profiles with the smooth part taken
// off.
std::vector<RingVector> ring_vectors(const RealImage& image, double centre_row, double centre_col,
                                     double inner_px, int sectors = 72);

// Two rings at least that show in most of the sectors: many small crystals. `vectors` from ring_vectors.
bool is_ring_pattern(const std::vector<RingVector>& vectors, int sectors = 72);

struct EllipseFit {
  double ratio = 1;      // long / short axis
  double angle_deg = 0;  // of the long axis, from +row towards +column
  double sigma = 0;      // standard uncertainty of the ratio
  std::size_t rings = 0, vectors = 0;
  bool found = false;  // false: no ring with vectors all around, or nothing beyond three sigma
};

// r(theta) = r0 (1 + e cos 2 (theta - theta0)) on every well populated ring, all rings together; ratio = (1 +
// e) / (1 - e).
EllipseFit fit_ellipse(const std::vector<RingVector>& vectors, double inner_px);

// The vectors as they would be without the ellipse (area kept, as Calibration does).
void undo_ellipse(std::vector<RingVector>& vectors, double ratio, double angle_deg);

}  // namespace bragglive
