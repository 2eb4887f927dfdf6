// Least squares of a reciprocal basis on the spots that whole indices explain.
#pragma once
#include "core/features/lattice_kernels.hpp"

namespace bragglive::indexing {

class LatticeRefinement {
 public:
  // Keeps references. `sigma`: largest error of a spot's position along one axis, 1/Å; where the spots agree
  // better among themselves, the last round demands that.
  LatticeRefinement(const Points& points, const LatticeKernels& run, double sigma);

  // false: the spots do not hold a three-dimensional basis.
  bool refine(Basis basis, LatticeFit& out);

 private:
  Window window(int round, double sigma) const;
  bool judge(const Basis& basis, const IndexSums& sums, double sigma, LatticeFit& out) const;

  const Points& points_;
  const LatticeKernels& run_;
  double sigma_;
  float inner2_, middle2_;  // q² up to which spots take part in the first and in the second round
};

}  // namespace bragglive::indexing
