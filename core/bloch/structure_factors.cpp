#include "core/bloch/structure_factors.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "core/bloch/factor_row.hpp"
#include "core/crystal/symmetry.hpp"

namespace bragglive {
namespace {

constexpr double k_two_pi = 2 * std::numbers::pi;

// exp(2πi m x) for m = -m_max..m_max.
template <class Real>
struct Phases {
  std::vector<Real> re, im;
  Phases(double x, int m_max) {
    for (int m = -m_max; m <= m_max; ++m) {
      const double turn = m * x - std::round(m * x);
      re.push_back(static_cast<Real>(std::cos(k_two_pi * turn)));
      im.push_back(static_cast<Real>(std::sin(k_two_pi * turn)));
    }
  }
};

template <class Real>
struct AtomPhases {
  Phases<Real> x, y, z;
  Real occupancy;
};

// Atoms that share one factor f(|g|).
template <class Real>
struct Species {
  int z = 0;
  double u_squared = 0;
  std::optional<Eigen::Matrix3d> u_tensor;
  std::vector<AtomPhases<Real>> atoms;
};

int side(const Eigen::Vector3d& axis, double g_max) {
  return static_cast<int>(std::floor(axis.norm() * g_max + 1e-9));
}

template <class Real>
std::vector<Species<Real>> species_of(const Crystal& crystal, const ScatteringSettings& settings,
                                      Eigen::Vector3d shift, const Eigen::Vector3i& sides) {
  std::vector<Species<Real>> all;
  for (const Atom& atom : crystal.atoms) {
    const bool own = !settings.thermal_displacement;
    const double u2 = own ? atom.u_squared : *settings.thermal_displacement * *settings.thermal_displacement;
    const auto tensor = own ? atom.u_tensor : std::nullopt;
    auto at = std::find_if(all.begin(), all.end(), [&](const Species<Real>& s) {
      return s.z == atom.z && s.u_squared == u2 && !s.u_tensor && !tensor;
    });
    if (at == all.end()) at = all.insert(all.end(), {atom.z, u2, tensor, {}});
    const Eigen::Vector3d r = atom.position - shift;
    at->atoms.push_back(
        {{r[0], sides[0]}, {r[1], sides[1]}, {r[2], sides[2]}, static_cast<Real>(atom.occupancy)});
  }
  return all;
}

// One line of constant h, k: Σ_j occ_j exp(2πi h·r_j) for l = first..last of one species.
template <class Real>
void geometric_row(const Species<Real>& species, int h_at, int k_at, int l_at, int count, Real* re,
                   Real* im) {
  std::fill(re, re + count, Real(0));
  std::fill(im, im + count, Real(0));
  for (const AtomPhases<Real>& atom : species.atoms) {
    const Real xr = atom.x.re[std::size_t(h_at)], xi = atom.x.im[std::size_t(h_at)];
    const Real yr = atom.y.re[std::size_t(k_at)], yi = atom.y.im[std::size_t(k_at)];
    const Real pr = atom.occupancy * (xr * yr - xi * yi), pi = atom.occupancy * (xr * yi + xi * yr);
    accumulate_phases(pr, pi, atom.z.re.data() + l_at, atom.z.im.data() + l_at, count, re, im);
  }
}

}  // namespace

template <class Real>
double CouplingTable<Real>::bytes_needed(const CellParameters& cell, double g_max) {
  const Eigen::Matrix3d rows = lattice_rows(cell);
  double entries = 1;
  for (int i = 0; i < 3; ++i) entries *= 2 * rows.row(i).norm() * g_max + 1;
  return entries * 2 * sizeof(Real);
}

template <class Real>
Expected<CouplingTable<Real>> CouplingTable<Real>::build(const Crystal& crystal,
                                                         const ScatteringSettings& settings, double g_max) {
  for (const Atom& atom : crystal.atoms)
    if (auto ok = check_element(settings.factors, atom.z); !ok)
      return fail(ok.error().area, "{}: {}", crystal.id, ok.error().message);
  const Eigen::Matrix3d rows = lattice_rows(crystal.cell);
  const Eigen::Matrix3d reciprocal = reciprocal_rows(crystal.cell);
  const Eigen::Matrix3d metric = reciprocal * reciprocal.transpose();
  const Real per_volume = static_cast<Real>(1 / cell_volume(crystal.cell));

  CouplingTable table;
  const Eigen::Vector3i sides(side(rows.row(0), g_max), side(rows.row(1), g_max), side(rows.row(2), g_max));
  table.h_max_ = sides[0], table.k_max_ = sides[1], table.l_max_ = sides[2];
  table.k_side_ = 2 * sides[1] + 1, table.l_side_ = 2 * sides[2] + 1;
  table.origin_ = table.offset(sides[0], sides[1], sides[2]);
  table.absorbing_ = settings.absorption;
  table.centre_of_inversion_ = inversion_centre(crystal);
  const bool centred = table.centre_of_inversion_.has_value();
  const std::size_t entries =
      std::size_t(2 * sides[0] + 1) * std::size_t(table.k_side_) * std::size_t(table.l_side_);
  table.real_.assign(entries, 0);
  if (settings.absorption || !centred) table.imaginary_.assign(entries, 0);

  const Eigen::Vector3d shift = table.centre_of_inversion_.value_or(Eigen::Vector3d::Zero());
  std::vector<Species<Real>> all = species_of<Real>(crystal, settings, shift, sides);
  std::vector<FactorRow<Real>> factors;
  for (const auto& s : all)
    factors.emplace_back(settings.factors, settings.absorption, s.z, s.u_squared, s.u_tensor,
                         settings.electron, g_max);

  std::vector<double> g2(static_cast<std::size_t>(table.l_side_));
  std::vector<Real> buffer(std::size_t(table.l_side_) * 4);
  Real *sr = buffer.data(), *si = sr + table.l_side_, *fr = si + table.l_side_, *fi = fr + table.l_side_;
  for (int h = 0; h <= sides[0]; ++h)
    for (int k = h == 0 ? 0 : -sides[1]; k <= sides[1]; ++k) {
      // |g|² = c l² + b l + a <= g_max² bounds l.
      const double a = metric(0, 0) * h * h + metric(1, 1) * k * k + 2 * metric(0, 1) * h * k;
      const double b = 2 * (metric(0, 2) * h + metric(1, 2) * k), c = metric(2, 2);
      const double under = b * b - 4 * c * (a - g_max * g_max);
      if (under < 0) continue;
      const double root = std::sqrt(under);
      int first = std::max(-sides[2], static_cast<int>(std::ceil((-b - root) / (2 * c) - 1e-9)));
      const int last = std::min(sides[2], static_cast<int>(std::floor((-b + root) / (2 * c) + 1e-9)));
      if (h == 0 && k == 0) first = 0;
      if (last < first) continue;
      const int count = last - first + 1;
      const Eigen::Vector3d g_first = reciprocal.transpose() * Eigen::Vector3d(h, k, first);
      for (int i = 0; i < count; ++i) {
        const double l = first + i;
        g2[std::size_t(i)] = std::max(0.0, a + l * (b + l * c));
      }
      for (std::size_t s = 0; s < all.size(); ++s) {
        geometric_row(all[s], h + sides[0], k + sides[1], first + sides[2], count, sr, si);
        factors[s].evaluate(g2.data(), count, g_first, reciprocal.row(2), fr, fi);
        for (int i = 0; i < count; ++i) {
          const std::int32_t at = table.offset(h, k, first + i);
          const auto plus = std::size_t(table.origin_ + at), minus = std::size_t(table.origin_ - at);
          // f may be complex, the geometric part of -g is the conjugate one.
          const Real re = fr[i] * sr[i] * per_volume, im = fr[i] * si[i] * per_volume;
          table.real_[plus] += re;
          if (minus != plus) table.real_[minus] += re;
          if (table.imaginary_.empty()) continue;
          if (!centred) {
            table.imaginary_[plus] += im;
            if (minus != plus) table.imaginary_[minus] -= im;
          }
          if (!settings.absorption) continue;
          const Real loss_re = fi[i] * sr[i] * per_volume,
                     loss_im = centred ? Real(0) : fi[i] * si[i] * per_volume;
          table.imaginary_[plus] += loss_re;
          table.real_[plus] -= loss_im;
          if (minus == plus) continue;
          table.imaginary_[minus] += loss_re;
          table.real_[minus] += loss_im;
        }
      }
    }
  return table;
}

template <class Real>
std::complex<double> CouplingTable<Real>::at(int h, int k, int l) const {
  if (std::abs(h) > h_max_ || std::abs(k) > k_max_ || std::abs(l) > l_max_) return 0;
  const auto i = std::size_t(origin_ + offset(h, k, l));
  const std::complex<double> u(real_[i], imaginary_.empty() ? Real(0) : imaginary_[i]);
  if (!centre_of_inversion_) return u;
  const double turn = centre_of_inversion_->dot(Eigen::Vector3d(h, k, l));
  return u * std::polar(1.0, k_two_pi * (turn - std::round(turn)));
}

template class CouplingTable<float>;
template class CouplingTable<double>;

}  // namespace bragglive
