// Krylov propagator: Park & Light, J. Chem. Phys. 85 (1986) 5870.
//   Lanczos from e_direct: H V = V T + …, T real and tridiagonal; exp(iHt) e_direct ≈ V exp(iTt) e_1.
// Needs about three quarters of the matrix products of the Chebyshev expansion, because the direct beam
// hardly reaches the ends of the spectrum, and keeps all vectors, which is why long expansions and many
// thicknesses are left to that one.
#include <algorithm>
#include <cmath>

#include "core/bloch/solvers.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_max_steps = 400;
constexpr std::size_t k_first_look =
    12;  // steps after which the spectrum's width is known well enough to plan the rest
constexpr std::size_t k_look_every = 4;

template <class Real>
constexpr double k_tail =
    std::is_same_v<Real, float> ? 5e-7 : 1e-12;  // amplitude on the last vectors that counts as converged

// exp(iTt) e_1 for real tridiagonal T by Chebyshev expansion; exact to rounding.
class SmallExponential {
 public:
  SmallExponential(KrylovScratch& scratch) : s_(scratch) {}

  void compute(std::size_t m, double t) {
    const auto [centre, radius] = bounds(m);
    const std::size_t terms = bessel_row(radius * t, 1e-15, s_.bessel);
    s_.y.assign(m, 0);
    s_.now.assign(m, 0);
    s_.before.assign(m, 0);
    s_.now[0] = 1;
    for (std::size_t k = 0; k < terms; ++k) {
      const double weight = (k == 0 ? 1 : 2) * s_.bessel[k] * (k % 4 < 2 ? 1 : -1);
      for (std::size_t i = 0; i < m; ++i) {
        if (k % 2 == 0)
          s_.y[i].real(s_.y[i].real() + weight * s_.now[i]);
        else
          s_.y[i].imag(s_.y[i].imag() + weight * s_.now[i]);
      }
      if (k + 1 == terms) break;
      const double factor = (k == 0 ? 1 : 2) / radius;
      for (std::size_t i = 0; i < m; ++i) {
        double row = (s_.alpha[i] - centre) * s_.now[i];
        if (i > 0) row += s_.beta[i - 1] * s_.now[i - 1];
        if (i + 1 < m) row += s_.beta[i] * s_.now[i + 1];
        s_.before[i] = factor * row - s_.before[i];
      }
      std::swap(s_.now, s_.before);
    }
  }

  // Gershgorin's discs of the leading m rows: centre and radius.
  std::pair<double, double> bounds(std::size_t m) const {
    double low = 1e300, high = -1e300;
    for (std::size_t i = 0; i < m; ++i) {
      const double reach = (i > 0 ? s_.beta[i - 1] : 0) + (i + 1 < m ? s_.beta[i] : 0);
      low = std::min(low, s_.alpha[i] - reach);
      high = std::max(high, s_.alpha[i] + reach);
    }
    return {(low + high) / 2, std::max((high - low) / 2, 1e-12)};
  }

 private:
  KrylovScratch& s_;
};

// The Lanczos vectors, one row each; real parts, and imaginary ones for a Hermitian matrix.
template <class Real>
class Basis {
 public:
  Basis(const Hamiltonian<Real>& h, PropagatorScratch<Real>& s)
      : h_(h), s_(s), is_complex_(h.kind != MatrixKind::symmetric), n_(h.size) {
    grow(1);
    std::fill_n(re(0), n_, Real(0));
    if (is_complex_) std::fill_n(im(0), n_, Real(0));
    re(0)[h.direct] = 1;
  }

  // One more vector; returns false when the space is exhausted.
  bool step(KrylovScratch& t) {
    const std::size_t m = t.alpha.size();
    grow(m + 2);
    Real *y_re = re(m + 1), *y_im = is_complex_ ? im(m + 1) : nullptr;
    if (is_complex_)
      k_.hermitian(n_, h_.re.data(), h_.im.data(), re(m), im(m), y_re, y_im);
    else
      k_.symmetric(n_, h_.re.data(), re(m), y_re);
    const Real* low = h_.low.data();
    double alpha = k_.shifted_dot(n_, low, re(m), y_re);
    if (is_complex_) alpha += k_.shifted_dot(n_, low, im(m), y_im);
    const auto a = static_cast<Real>(alpha), b = static_cast<Real>(m > 0 ? t.beta[m - 1] : 0);
    const std::size_t before = m > 0 ? m - 1 : 0;
    double norm2 = k_.orthogonalise(n_, a, b, re(m), re(before), y_re);
    if (is_complex_) norm2 += k_.orthogonalise(n_, a, b, im(m), im(before), y_im);
    t.alpha.push_back(alpha);
    t.beta.push_back(std::sqrt(norm2));
    if (!(t.beta.back() > 1e-14)) return false;
    const auto scale = static_cast<Real>(1 / t.beta.back());
    for (std::size_t i = 0; i < n_; ++i) y_re[i] *= scale;
    if (is_complex_)
      for (std::size_t i = 0; i < n_; ++i) y_im[i] *= scale;
    return true;
  }

  // out = V y
  void combine(const std::vector<std::complex<double>>& y, std::complex<double>* out) {
    s_.psi_re.assign(n_, 0);
    s_.psi_im.assign(n_, 0);
    for (std::size_t k = 0; k < y.size(); ++k) {
      const auto yr = static_cast<Real>(y[k].real()), yi = static_cast<Real>(y[k].imag());
      k_.add(n_, yr, re(k), s_.psi_re.data());
      k_.add(n_, yi, re(k), s_.psi_im.data());
      if (!is_complex_) continue;
      k_.add(n_, -yi, im(k), s_.psi_re.data());
      k_.add(n_, yr, im(k), s_.psi_im.data());
    }
    for (std::size_t i = 0; i < h_.beams; ++i) out[i] = {double(s_.psi_re[i]), double(s_.psi_im[i])};
  }

 private:
  Real* re(std::size_t k) { return s_.basis_re.data() + k * n_; }
  Real* im(std::size_t k) { return s_.basis_im.data() + k * n_; }
  void grow(std::size_t rows) {
    if (s_.basis_re.size() < rows * n_) s_.basis_re.resize(rows * n_ * 3 / 2);
    if (is_complex_ && s_.basis_im.size() < rows * n_) s_.basis_im.resize(rows * n_ * 3 / 2);
  }

  const Hamiltonian<Real>& h_;
  PropagatorScratch<Real>& s_;
  const Kernels<Real>& k_ = kernels<Real>();
  bool is_complex_;
  std::size_t n_;
};

}  // namespace

template <class Real>
bool suits_lanczos(const Hamiltonian<Real>& h, std::span<const double> thicknesses) {
  constexpr double k_longest = 220;  // radians of the diagonal: about 300 steps
  constexpr std::size_t k_few = 8;
  if (h.kind == MatrixKind::general || thicknesses.size() > k_few) return false;
  double widest = 0;
  for (std::size_t i = 0; i < h.beams; ++i) widest = std::max(widest, std::abs(double(h.re[h.at(i, i)])));
  return widest * thicknesses.back() < k_longest;
}

template <class Real>
bool solve_by_lanczos(const Hamiltonian<Real>& h, std::span<const double> thicknesses,
                      PropagatorScratch<Real>& scratch, std::vector<std::complex<double>>& amplitudes) {
  KrylovScratch& small = scratch.krylov;
  small.alpha.clear();
  small.beta.clear();
  Basis<Real> basis(h, scratch);
  SmallExponential exponential(small);
  const double longest = thicknesses.back();
  std::size_t next_look = k_first_look;
  bool converged = false;
  for (std::size_t m = 1; !converged; ++m) {
    // Rounding mixes the vectors, so that the steps may go beyond the number of beams; they converge all the
    // same.
    if (!basis.step(small)) break;  // the space is exhausted: exact
    if (m > k_max_steps) return false;
    if (m < next_look) continue;
    if (m == k_first_look) {
      // From the width of the spectrum; the looks that follow decide.
      const double turns = exponential.bounds(m).second * longest;
      next_look = std::max(m + k_look_every, static_cast<std::size_t>(0.9 * turns) + k_look_every);
      continue;
    }
    exponential.compute(m, longest);
    converged = std::abs(small.y[m - 1]) < k_tail<Real> && std::abs(small.y[m - 2]) < k_tail<Real>;
    next_look = m + k_look_every;
  }
  amplitudes.resize(thicknesses.size() * h.beams);
  for (std::size_t j = 0; j < thicknesses.size(); ++j) {
    const bool is_there = converged && thicknesses[j] == longest && j == 0;  // from the last look
    if (!is_there) exponential.compute(small.alpha.size(), thicknesses[j]);
    basis.combine(small.y, amplitudes.data() + j * h.beams);
  }
  double total = 0;
  for (const auto& a : amplitudes) total += std::norm(a);
  return std::isfinite(total);
}

template bool suits_lanczos<float>(const Hamiltonian<float>&, std::span<const double>);
template bool suits_lanczos<double>(const Hamiltonian<double>&, std::span<const double>);
template bool solve_by_lanczos<float>(const Hamiltonian<float>&, std::span<const double>,
                                      PropagatorScratch<float>&, std::vector<std::complex<double>>&);
template bool solve_by_lanczos<double>(const Hamiltonian<double>&, std::span<const double>,
                                       PropagatorScratch<double>&, std::vector<std::complex<double>>&);

}  // namespace bragglive
