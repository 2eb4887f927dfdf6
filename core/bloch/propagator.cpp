// Chebyshev propagator: Tal-Ezer & Kosloff, J. Chem. Phys. 81 (1984) 3967.
//   exp(iHt) e_0 = exp(ict) Σ_k (2 - δ_k0) i^k J_k(Rt) T_k((H - c)/R) e_0, spectrum of H inside [c - R, c +
//   R].
// The vectors T_k e_0 do not depend on t, so one run of the recurrence serves all thicknesses; for a real H
// they are real.
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "core/bloch/solvers.hpp"

namespace bragglive {
namespace {

template <class Real>
constexpr double k_cut = std::is_same_v<Real, float> ? 1e-7 : 1e-14;  // smallest coefficient kept
constexpr int k_lanczos_steps = 10;
constexpr double k_max_growth =
    3;  // exponent of absorption per segment: T_k grows as exp(k y) off the real axis

template <class Real>
struct Vectors {
  PropagatorScratch<Real>& s;
  const Hamiltonian<Real>& h;
  const Kernels<Real>& k = kernels<Real>();
  bool complex_vectors;

  void resize() {
    for (auto* v : {&s.x_re, &s.previous_re, &s.y_re}) v->assign(h.size, 0);
    if (complex_vectors)
      for (auto* v : {&s.x_im, &s.previous_im, &s.y_im}) v->assign(h.size, 0);
  }
  // y = H x
  void apply() {
    switch (h.kind) {
      case MatrixKind::symmetric:
        return k.symmetric(h.size, h.re.data(), s.x_re.data(), s.y_re.data());
      case MatrixKind::hermitian:
        return k.hermitian(h.size, h.re.data(), h.im.data(), s.x_re.data(), s.x_im.data(), s.y_re.data(),
                           s.y_im.data());
      case MatrixKind::general:
        return k.general(h.size, h.re.data(), h.im.data(), s.x_re.data(), s.x_im.data(), s.y_re.data(),
                         s.y_im.data());
    }
  }
  // previous = factor (y - centre x) - previous
  void recur(Real factor, Real centre) {
    k.recur(h.size, factor, centre, h.low.data(), s.y_re.data(), s.x_re.data(), s.previous_re.data());
    if (complex_vectors)
      k.recur(h.size, factor, centre, h.low.data(), s.y_im.data(), s.x_im.data(), s.previous_im.data());
  }
  void swap() {
    std::swap(s.x_re, s.previous_re);
    std::swap(s.x_im, s.previous_im);
  }
  double dot_xy() const {
    double sum = 0;
    for (std::size_t i = 0; i < h.beams; ++i) sum += double(s.x_re[i]) * double(s.y_re[i]);
    if (complex_vectors)
      for (std::size_t i = 0; i < h.beams; ++i) sum += double(s.x_im[i]) * double(s.y_im[i]);
    return sum;
  }
};

struct Interval {
  double centre = 0, radius = 1;
};

// Outer bounds of the spectrum: extreme Ritz values of a few Lanczos steps from a pseudo-random start,
// widened by the last off-diagonal element.
template <class Real>
Interval spectrum(Vectors<Real>& v) {
  auto& s = v.s;
  const std::size_t n = v.h.beams;
  v.resize();
  std::uint32_t state = 0x9e3779b9u;
  for (std::size_t i = 0; i < n; ++i) {
    state = state * 1664525u + 1013904223u;
    s.x_re[i] = static_cast<Real>((state >> 16) & 1 ? 1 : -1) / static_cast<Real>(std::sqrt(double(n)));
  }
  const int steps = std::min<int>(k_lanczos_steps, static_cast<int>(n));
  Eigen::VectorXd diagonal(steps), off(std::max(steps - 1, 0));
  double beta = 0;
  int done = 0;
  while (done < steps) {
    v.apply();
    const double alpha = v.dot_xy();
    diagonal[done++] = alpha;
    const auto residual = [&](std::vector<Real>& y, const std::vector<Real>& x,
                              const std::vector<Real>& previous) {
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        y[i] -= static_cast<Real>(alpha) * x[i] + static_cast<Real>(beta) * previous[i];
        sum += double(y[i]) * double(y[i]);
      }
      return sum;
    };
    double norm2 = residual(s.y_re, s.x_re, s.previous_re);
    if (v.complex_vectors) norm2 += residual(s.y_im, s.x_im, s.previous_im);
    beta = std::sqrt(norm2);
    if (done == steps || beta < 1e-12) break;
    off[done - 1] = beta;
    const auto advance = [&](std::vector<Real>& y, std::vector<Real>& x, std::vector<Real>& previous) {
      for (std::size_t i = 0; i < n; ++i) {
        previous[i] = x[i];
        x[i] = y[i] / static_cast<Real>(beta);
      }
    };
    advance(s.y_re, s.x_re, s.previous_re);
    if (v.complex_vectors) advance(s.y_im, s.x_im, s.previous_im);
  }
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> ritz;
  ritz.computeFromTridiagonal(diagonal.head(done), off.head(std::max(done - 1, 0)), Eigen::EigenvaluesOnly);
  const double low = ritz.eigenvalues()[0] - beta, high = ritz.eigenvalues()[done - 1] + beta;
  // Values that Real represents exactly, as the recurrence uses them: a radius off by 1e-7 would stretch the
  // thickness.
  const double centre = static_cast<Real>((low + high) / 2);
  return {centre, 1 / double(static_cast<Real>(1 / std::max((high - low) / 2, 1e-12)))};
}

// One expansion from the vector in s.psi (or e_direct) for thicknesses relative to it; adds rows to
// `amplitudes`.
template <class Real>
struct Expansion {
  Vectors<Real>& v;
  Interval interval;
  std::vector<double> rows;  // J_k(R t_j), concatenated
  std::vector<std::size_t> begin, terms;

  std::size_t prepare(std::span<const double> thicknesses) {
    std::size_t longest = 0;
    rows.clear(), begin.clear(), terms.clear();
    for (const double t : thicknesses) {
      begin.push_back(rows.size());
      terms.push_back(bessel_row(interval.radius * t, k_cut<Real>, v.s.bessel));
      rows.insert(rows.end(), v.s.bessel.begin(), v.s.bessel.begin() + std::ptrdiff_t(terms.back()));
      longest = std::max(longest, terms.back());
    }
    return longest;
  }

  // out (re, im blocks of h.size each per thickness) += coefficient i^k x
  void accumulate(std::size_t k, std::size_t count, Real* out) {
    const std::size_t n = v.h.size;
    for (std::size_t j = 0; j < count; ++j) {
      if (k >= terms[j]) continue;
      const double weight = (k == 0 ? 1 : 2) * rows[begin[j] + k] * (k % 4 < 2 ? 1 : -1);
      if (std::abs(weight) < k_cut<Real>) continue;
      Real* re = out + 2 * j * n;
      Real* im = re + n;
      const Real w = static_cast<Real>(weight);
      if (k % 2 == 0) {
        v.k.add(n, w, v.s.x_re.data(), re);
        if (v.complex_vectors) v.k.add(n, w, v.s.x_im.data(), im);
      } else {
        v.k.add(n, w, v.s.x_re.data(), im);
        if (v.complex_vectors) v.k.add(n, -w, v.s.x_im.data(), re);
      }
    }
  }

  // x holds the start vector.
  void run(std::span<const double> thicknesses, std::vector<Real>& out) {
    const std::size_t longest = prepare(thicknesses);
    out.assign(2 * thicknesses.size() * v.h.size, 0);
    const Real once = static_cast<Real>(1 / interval.radius), centre = static_cast<Real>(interval.centre);
    std::fill(v.s.previous_re.begin(), v.s.previous_re.end(), Real(0));
    std::fill(v.s.previous_im.begin(), v.s.previous_im.end(), Real(0));
    for (std::size_t k = 0; k < longest; ++k) {
      accumulate(k, thicknesses.size(), out.data());
      if (k + 1 == longest) break;
      v.apply();
      v.recur(k == 0 ? once : 2 * once, centre);
      v.swap();
    }
  }
};

// Mean absorption bounds how long one expansion may be; the strongest absorbed states lose several times the
// mean.
template <class Real>
double longest_segment(const Hamiltonian<Real>& h) {
  if (h.kind != MatrixKind::general) return 1e300;
  double strongest = 0;
  for (std::size_t i = 0; i < h.beams; ++i) strongest = std::max(strongest, std::abs(h.element(i, i).imag()));
  return strongest > 0 ? k_max_growth / (8 * strongest) : 1e300;
}

template <class Real>
bool write_row(const Real* re, const Real* im, std::size_t beams, std::complex<double>* out) {
  double total = 0;
  for (std::size_t i = 0; i < beams; ++i) {
    out[i] = {double(re[i]), double(im[i])};
    total += std::norm(out[i]);
  }
  return std::isfinite(total);
}

}  // namespace

std::size_t bessel_row(double x, double cut, std::vector<double>& out) {
  const auto start = static_cast<std::size_t>(x + 20 + 12 * std::cbrt(x + 1)) | 1;
  out.assign(start + 2, 0);
  out[start] = 1e-200;
  double even_sum = 0;
  for (std::size_t k = start; k > 0; --k) {
    out[k - 1] = x > 0 ? 2 * double(k) / x * out[k] - out[k + 1] : (k == 1 ? 1.0 : 0.0);
    if (std::abs(out[k - 1]) > 1e200)
      for (std::size_t i = k - 1; i <= start; ++i) out[i] *= 1e-300;
  }
  for (std::size_t k = 2; k <= start; k += 2) even_sum += out[k];
  const double scale = 1 / (out[0] + 2 * even_sum);
  std::size_t terms = 1;
  for (std::size_t k = 0; k <= start; ++k) {
    out[k] *= scale;
    if (std::abs(out[k]) >= cut) terms = k + 1;
  }
  return terms;
}

template <class Real>
bool solve_by_chebyshev(const Hamiltonian<Real>& h, std::span<const double> thicknesses,
                        PropagatorScratch<Real>& scratch, std::vector<std::complex<double>>& amplitudes) {
  Vectors<Real> v{scratch, h, kernels<Real>(), h.kind != MatrixKind::symmetric};
  amplitudes.assign(thicknesses.size() * h.beams, 0);
  Expansion<Real> expansion{v, spectrum(v), {}, {}, {}};
  v.resize();
  scratch.x_re[h.direct] = 1;
  const double segment = longest_segment(h);
  double from = 0;
  std::vector<double> relative;
  for (std::size_t j = 0; j < thicknesses.size();) {
    // All thicknesses within the segment, or a step of full length towards the next one.
    relative.clear();
    std::size_t last = j;
    while (last < thicknesses.size() && thicknesses[last] - from <= segment)
      relative.push_back(thicknesses[last++] - from);
    const bool stepping = last < thicknesses.size();
    if (relative.empty() || stepping) relative.push_back(segment);
    expansion.run(relative, scratch.psi_re);
    const std::size_t n = h.size;
    for (; j < last; ++j) {
      const Real* row = scratch.psi_re.data() + 2 * n * (j - (last - (relative.size() - (stepping ? 1 : 0))));
      if (!write_row(row, row + n, h.beams, amplitudes.data() + j * h.beams)) return false;
    }
    if (!stepping) break;
    const Real* end = scratch.psi_re.data() + 2 * n * (relative.size() - 1);
    std::copy(end, end + n, scratch.x_re.begin());
    std::copy(end + n, end + 2 * n, scratch.x_im.begin());
    from += segment;
  }
  return true;
}

template bool solve_by_chebyshev<float>(const Hamiltonian<float>&, std::span<const double>,
                                        PropagatorScratch<float>&, std::vector<std::complex<double>>&);
template bool solve_by_chebyshev<double>(const Hamiltonian<double>&, std::span<const double>,
                                         PropagatorScratch<double>&, std::vector<std::complex<double>>&);

template <class Real>
bool solve_by_propagator(const Hamiltonian<Real>& h, std::span<const double> thicknesses,
                         PropagatorScratch<Real>& scratch, std::vector<std::complex<double>>& amplitudes) {
  if (suits_lanczos(h, thicknesses) && solve_by_lanczos(h, thicknesses, scratch, amplitudes)) return true;
  return solve_by_chebyshev(h, thicknesses, scratch, amplitudes);
}

template bool solve_by_propagator<float>(const Hamiltonian<float>&, std::span<const double>,
                                         PropagatorScratch<float>&, std::vector<std::complex<double>>&);
template bool solve_by_propagator<double>(const Hamiltonian<double>&, std::span<const double>,
                                          PropagatorScratch<double>&, std::vector<std::complex<double>>&);

}  // namespace bragglive
