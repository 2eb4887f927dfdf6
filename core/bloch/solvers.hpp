// The two ways from a matrix to amplitudes; internal to BlochSimulator.
#pragma once
#include <complex>
#include <span>
#include <vector>

#include "core/bloch/hamiltonian.hpp"

namespace bragglive {

// ψ(t_j) for all thicknesses (Å, rising): amplitudes[j * beams + i]. Both return false when the result is not
// finite.
template <class Real>
struct PropagatorScratch {
  std::vector<Real> x_re, x_im, previous_re, previous_im, y_re, y_im, psi_re, psi_im;
  std::vector<double> bessel;
};

template <class Real>
bool solve_by_propagator(const Hamiltonian<Real>& h, std::span<const double> thicknesses,
                         PropagatorScratch<Real>& scratch, std::vector<std::complex<double>>& amplitudes);

template <class Real>
bool solve_by_eigen(const Hamiltonian<Real>& h, std::span<const double> thicknesses,
                    std::vector<std::complex<double>>& amplitudes);

// Estimated nanoseconds on one core; only their order matters. single: Real is float.
double propagator_cost(MatrixKind kind, bool single, std::size_t beams, double sg_max,
                       std::span<const double> thicknesses);
double eigen_cost(MatrixKind kind, std::size_t beams, std::span<const double> thicknesses);

// J_0..J_last of x >= 0 by downward recurrence, to 1e-16 of the largest. Returns the number of terms with
// |J_k| >= cut.
std::size_t bessel_row(double x, double cut, std::vector<double>& out);

}  // namespace bragglive
