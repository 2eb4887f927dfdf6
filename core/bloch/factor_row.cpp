#include "core/bloch/factor_row.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/bloch/kernels.hpp"

namespace bragglive {
namespace {
constexpr double k_pi = std::numbers::pi;
constexpr double k_spacing =
    1.0 / 64;  // 1/Å; eight-point interpolation is then exact to 1e-10 of the largest value
constexpr int k_points = 8;

// Lagrange interpolation over the eight values nearest to x (in steps).
double interpolate(const std::vector<double>& values, double x) {
  const int last = static_cast<int>(values.size()) - k_points;
  const int first = std::clamp(static_cast<int>(x) - k_points / 2 + 1, 0, last);
  double sum = 0;
  for (int p = 0; p < k_points; ++p) {
    double weight = 1;
    for (int q = 0; q < k_points; ++q)
      if (q != p) weight *= (x - first - q) / (p - q);
    sum += weight * values[std::size_t(first + p)];
  }
  return sum;
}

}  // namespace

PhononTable::PhononTable(int z, double u_squared, double g_max) {
  // A term leaves its series where max(B') (2πg)² or u² (2πg)² passes 0.1.
  std::vector<double> bounds = {0, g_max + k_spacing};
  const auto c = weickenmeier_kohl_coefficients(z);
  std::vector<double> widths = {u_squared};
  for (std::size_t i = 4; i < 8; ++i) widths.push_back(c[i] / (16 * k_pi * k_pi));
  for (const double width : widths) {
    const double bound = width > 0 ? std::sqrt(0.1 / width) / (2 * k_pi) : 0;
    if (bound > 0 && bound < g_max) bounds.push_back(bound);
  }
  std::sort(bounds.begin(), bounds.end());
  for (std::size_t k = 0; k + 1 < bounds.size(); ++k) {
    const double length = bounds[k + 1] - bounds[k];
    if (length <= 0) continue;
    const int steps = std::max(k_points, static_cast<int>(std::ceil(length / k_spacing)));
    Stretch stretch{bounds[k], bounds[k + 1], length / steps, {}};
    for (int i = 0; i <= steps; ++i) {
      // The ends belong to both neighbours: a hair inside, this stretch's formulas hold.
      const double inside = 1e-9 * length;
      const double g = std::clamp(stretch.begin + i * stretch.step, stretch.begin + (k > 0 ? inside : 0),
                                  stretch.end - inside);
      stretch.values.push_back(phonon_factor(z, g, u_squared));
    }
    stretches_.push_back(std::move(stretch));
  }
}

double PhononTable::operator()(double g) const {
  std::size_t k = 0;
  while (k + 1 < stretches_.size() && g > stretches_[k].end) ++k;
  return interpolate(stretches_[k].values, (g - stretches_[k].begin) / stretches_[k].step);
}

template <class Real>
FactorRow<Real>::FactorRow(FactorTable table, bool absorption, int z, double u_squared,
                           const std::optional<Eigen::Matrix3d>& u_tensor, const Electron& electron,
                           double g_max)
    : table_(table),
      absorption_(absorption),
      z_(z),
      u_squared_(u_squared),
      u_tensor_(u_tensor),
      electron_(electron) {
  if (std::is_same_v<Real, float> && absorption && table == FactorTable::weickenmeier_kohl)
    phonons_ = PhononTable(z, u_squared, g_max);
}

template <class Real>
double FactorRow<Real>::phonon(double g2) {
  if constexpr (std::is_same_v<Real, float>) return phonons_(std::sqrt(g2));
  const auto [at, is_new] = computed_.try_emplace(std::llround(g2 * 1e10), 0.0);
  if (is_new) at->second = phonon_factor(z_, std::sqrt(g2), u_squared_);
  return at->second;
}

template <class Real>
void FactorRow<Real>::evaluate(const double* g2, int count, const Eigen::Vector3d& g_first,
                               const Eigen::Vector3d& step, Real* re, Real* im) {
  if (table_ == FactorTable::lobato) {
    kernels<Real>().lobato_row(lobato_coefficients(z_).data(), electron_.gamma / k_pi, g2, count, re);
    if (u_squared_ > 0) kernels<Real>().damp(-2 * k_pi * k_pi * u_squared_, g2, count, re);
    if (absorption_)
      for (int i = 0; i < count; ++i) im[i] = Real(0.1) * re[i];
  } else {
    for (int i = 0; i < count; ++i) {
      const double g = std::sqrt(g2[i]);
      const std::complex<double> f =
          absorption_ ? weickenmeier_kohl_dynamical(z_, g, u_squared_, phonon(g2[i]), electron_)
                      : dynamical_factor(table_, false, z_, g, u_squared_, electron_);
      re[i] = static_cast<Real>(f.real());
      if (absorption_) im[i] = static_cast<Real>(f.imag());
    }
  }
  if (!u_tensor_) return;
  for (int i = 0; i < count; ++i) {
    const Eigen::Vector3d g = g_first + i * step;
    const double ratio = std::exp(-2 * k_pi * k_pi * (g.dot(*u_tensor_ * g) - u_squared_ * g.squaredNorm()));
    re[i] *= static_cast<Real>(ratio);
    if (absorption_) im[i] *= static_cast<Real>(ratio);
  }
}

void accumulate_phases(float pr, float pi, const float* zr, const float* zi, int count, float* re,
                       float* im) {
  kernels<float>().accumulate_phases(pr, pi, zr, zi, count, re, im);
}
void accumulate_phases(double pr, double pi, const double* zr, const double* zi, int count, double* re,
                       double* im) {
  kernels<double>().accumulate_phases(pr, pi, zr, zi, count, re, im);
}

template class FactorRow<float>;
template class FactorRow<double>;

}  // namespace bragglive
