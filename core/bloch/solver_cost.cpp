#include <algorithm>
#include <cmath>

#include "core/bloch/solvers.hpp"

namespace bragglive {

// Both models: operations over a measured rate of one core (tests/bench/bloch_bench prints the crossover).
double propagator_cost(MatrixKind kind, std::size_t beams, double sg_max,
                       std::span<const double> thicknesses) {
  const double n = double(beams);
  const double radius = 2 * 3.1416 * sg_max * 1.3;  // rad/Å: the diagonal and a share of the couplings
  const double x = radius * thicknesses.back();
  const double terms = 10 + x + 20 + 4 * std::cbrt(x);
  const double per_element = kind == MatrixKind::symmetric ? 0.5 : kind == MatrixKind::hermitian ? 2 : 4;
  const double sums = double(thicknesses.size()) * n * (kind == MatrixKind::symmetric ? 1 : 2) * 0.6;
  return terms * (n * n * per_element + sums + 40 * n) * 1e-10;
}

double eigen_cost(MatrixKind kind, std::size_t beams, std::span<const double> thicknesses) {
  const double n = double(beams);
  const double cubic = kind == MatrixKind::symmetric ? 6 : kind == MatrixKind::hermitian ? 20 : 120;
  const double sums = double(thicknesses.size()) * n * n * (kind == MatrixKind::symmetric ? 2 : 4);
  return (n * n * n * cubic + 300 * n * n + sums) * 1e-10;
}

}  // namespace bragglive
