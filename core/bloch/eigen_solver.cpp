// Full eigen-decomposition: H C = C diag(v), ψ(t) = C diag(exp(i v t)) C⁻¹ e_direct.
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <cmath>

#include "core/bloch/solvers.hpp"

namespace bragglive {
namespace {

using Complex = std::complex<double>;

template <class Matrix>
bool sum_states(const Matrix& states, const Eigen::VectorXcd& values, const Eigen::VectorXcd& weights,
                std::span<const double> thicknesses, std::vector<Complex>& amplitudes) {
  const auto n = states.rows();
  amplitudes.assign(thicknesses.size() * std::size_t(n), 0);
  for (std::size_t j = 0; j < thicknesses.size(); ++j) {
    const Eigen::VectorXcd excited = (Complex(0, thicknesses[j]) * values.array()).exp() * weights.array();
    Eigen::Map<Eigen::VectorXcd> out(amplitudes.data() + j * std::size_t(n), n);
    if constexpr (Matrix::IsVectorAtCompileTime || std::is_same_v<typename Matrix::Scalar, double>) {
      out.real() = states * excited.real();
      out.imag() = states * excited.imag();
    } else {
      out = states * excited;
    }
    if (!out.allFinite()) return false;
  }
  return true;
}

}  // namespace

template <class Real>
bool solve_by_eigen(const Hamiltonian<Real>& h, std::span<const double> thicknesses,
                    std::vector<Complex>& amplitudes) {
  const auto n = static_cast<Eigen::Index>(h.beams);
  const auto direct = static_cast<Eigen::Index>(h.direct);
  const auto element = [&](Eigen::Index i, Eigen::Index j) {
    return h.element(std::size_t(i), std::size_t(j));
  };
  if (h.kind == MatrixKind::symmetric) {
    Eigen::MatrixXd a(n, n);
    for (Eigen::Index j = 0; j < n; ++j)
      for (Eigen::Index i = j; i < n; ++i) a(i, j) = element(i, j).real();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(a);
    if (solver.info() != Eigen::Success) return false;
    return sum_states(solver.eigenvectors(), solver.eigenvalues().cast<Complex>(),
                      solver.eigenvectors().row(direct).transpose().cast<Complex>(), thicknesses, amplitudes);
  }
  Eigen::MatrixXcd a(n, n);
  for (Eigen::Index j = 0; j < n; ++j)
    for (Eigen::Index i = 0; i < n; ++i) a(i, j) = element(i, j);
  if (h.kind == MatrixKind::hermitian) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXcd> solver(a);
    if (solver.info() != Eigen::Success) return false;
    return sum_states(solver.eigenvectors(), solver.eigenvalues().cast<Complex>(),
                      solver.eigenvectors().row(direct).adjoint(), thicknesses, amplitudes);
  }
  const Eigen::ComplexEigenSolver<Eigen::MatrixXcd> solver(a);
  if (solver.info() != Eigen::Success) return false;
  const Eigen::VectorXcd weights =
      solver.eigenvectors().partialPivLu().solve(Eigen::VectorXcd::Unit(n, direct));
  return sum_states(solver.eigenvectors(), solver.eigenvalues(), weights, thicknesses, amplitudes);
}

template bool solve_by_eigen<float>(const Hamiltonian<float>&, std::span<const double>,
                                    std::vector<Complex>&);
template bool solve_by_eigen<double>(const Hamiltonian<double>&, std::span<const double>,
                                     std::vector<Complex>&);

}  // namespace bragglive
