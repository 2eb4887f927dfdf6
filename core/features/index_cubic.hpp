// Cubic lattices without knowing the orientation: Q_i / A must be sums of three squares and g_i·g_j / A
// whole.
//
// For f = share of the measured lines within their tolerance of a calculated one and p = the share expected
// of lines placed at random, the figure of merit is (f - p) / sqrt(p (1 - p) / lines).
#pragma once
#include "core/features/index_spots.hpp"

namespace bragglive::indexing {

struct CubicMatch {
  float parameter = 0;  // A = 1/a², 1/Å²; 0 = nothing found
  float merit = 0;
  float share = 0;     // f
  float chance = 0;    // p
  float residual = 0;  // root mean square of (measured - calculated) / tolerance over the matched lines
  float products =
      0;  // scalar products of the strongest spots that are whole, in standard deviations above chance
};

// The two lattices, more than 3 % apart, for which lines and products together speak most. With fewer than
// four lines there are none.
struct CubicMatches {
  CubicMatch best, second;
};
CubicMatches search_cubic(const SpotList& list, double sigma) noexcept;

}  // namespace bragglive::indexing
