// The two ways from a matrix to amplitudes; internal to BlochSimulator.
#pragma once
#include <complex>
#include <span>
#include <vector>

#include "core/bloch/hamiltonian.hpp"

namespace bragglive {

// The small problem of the Krylov propagator: T = tridiagonal(alpha, beta).
struct KrylovScratch {
  std::vector<double> alpha, beta, bessel, now, before;
  std::vector<std::complex<double>> y;
};

template <class Real>
struct PropagatorScratch {
  std::vector<Real> x_re, x_im, previous_re, previous_im, y_re, y_im, psi_re, psi_im, basis_re, basis_im;
  std::vector<double> bessel;
  KrylovScratch krylov;
};

// ψ(t_j) for all thicknesses (Å, rising): amplitudes[j * beams + i]. All return false when the result is not
// finite. By Krylov space where it is short (suits_lanczos), else by Chebyshev expansion.
template <class Real>
bool solve_by_propagator(const Hamiltonian<Real>& h, std::span<const double> thicknesses,
                         PropagatorScratch<Real>& scratch, std::vector<std::complex<double>>& amplitudes);

template <class Real>
bool solve_by_chebyshev(const Hamiltonian<Real>& h, std::span<const double> thicknesses,
                        PropagatorScratch<Real>& scratch, std::vector<std::complex<double>>& amplitudes);

// Also false when it does not converge in 400 steps.
template <class Real>
bool solve_by_lanczos(const Hamiltonian<Real>& h, std::span<const double> thicknesses,
                      PropagatorScratch<Real>& scratch, std::vector<std::complex<double>>& amplitudes);
template <class Real>
bool suits_lanczos(const Hamiltonian<Real>& h, std::span<const double> thicknesses);

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
