#include <algorithm>
#include <cmath>

#include "core/bloch/solvers.hpp"

namespace bragglive {
namespace {

// Nanoseconds on one AVX-512 core, fitted to tests/bench/bloch_bench (single precision, 60 to 490 beams);
// only ratios matter.
struct Rates {
  double matrix;        // per element and term of the recurrence
  double vector;        // per beam and term
  double sum;           // per beam, term and thickness of the propagator
  double cube, square;  // of the eigen-decomposition
  double state_sum;     // per element and thickness of the eigen-solver
};

constexpr Rates rates_of(MatrixKind kind) {
  switch (kind) {
    case MatrixKind::symmetric:
      return {0.032, 7, 0.22, 0.62, 40, 0.44};
    case MatrixKind::hermitian:
      return {0.08, 14, 0.31, 1.8, 60, 0.83};
    case MatrixKind::general:
      break;
  }
  return {0.2, 14, 0.29, 14, 400, 0.83};
}

}  // namespace

double propagator_cost(MatrixKind kind, bool single, std::size_t beams, double sg_max,
                       std::span<const double> thicknesses) {
  constexpr double k_setup_terms = 30;  // spectrum bounds and the tail of the expansion
  const Rates rates = rates_of(kind);
  const double n = double(beams);
  const double radius = 7.5 * sg_max;  // rad/Å: 2π s on the diagonal and a share of the couplings
  double sums = 0;
  for (const double t : thicknesses) sums += radius * t + k_setup_terms;
  const double terms = radius * thicknesses.back() + k_setup_terms;
  return (terms * (n * n * rates.matrix + n * rates.vector) + sums * n * rates.sum) * (single ? 1 : 2);
}

double eigen_cost(MatrixKind kind, std::size_t beams, std::span<const double> thicknesses) {
  const Rates rates = rates_of(kind);
  const double n = double(beams);
  return n * n * (n * rates.cube + rates.square + double(thicknesses.size()) * rates.state_sum);
}

}  // namespace bragglive
