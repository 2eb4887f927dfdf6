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
}  // namespace

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
  if (!absorption || table != FactorTable::weickenmeier_kohl) return;
  const auto c = weickenmeier_kohl_coefficients(z);
  for (std::size_t i = 4; i < 8; ++i) {
    const double b = c[i] / (16 * k_pi * k_pi);
    if (b > 0) interpolate_above_ = std::max(interpolate_above_, std::sqrt(0.1 / b) / (2 * k_pi));
  }
  interpolate_above_ += k_points * k_spacing;
  node_spacing_ = k_spacing;
  for (double g = 0; g <= g_max + k_points * k_spacing; g += k_spacing) nodes_.push_back(absorptive(g));
}

template <class Real>
double FactorRow<Real>::absorptive(double g) const {
  return dynamical_factor(table_, true, z_, g, u_squared_, electron_).imag();
}

template <class Real>
void FactorRow<Real>::evaluate(const double* g2, int count, const Eigen::Vector3d& g_first,
                               const Eigen::Vector3d& step, Real* re, Real* im) const {
  if (table_ == FactorTable::lobato) {
    kernels<Real>().lobato_row(lobato_coefficients(z_).data(), electron_.gamma / k_pi, g2, count, re);
    if (u_squared_ > 0)
      for (int i = 0; i < count; ++i)
        re[i] *= std::exp(static_cast<Real>(-2 * k_pi * k_pi * u_squared_) * static_cast<Real>(g2[i]));
    if (absorption_)
      for (int i = 0; i < count; ++i) im[i] = Real(0.1) * re[i];
  } else {
    for (int i = 0; i < count; ++i) {
      const double g = std::sqrt(g2[i]);
      re[i] = static_cast<Real>(dynamical_factor(table_, false, z_, g, u_squared_, electron_).real());
      if (!absorption_) continue;
      if (g < interpolate_above_) {
        im[i] = static_cast<Real>(absorptive(g));
        continue;
      }
      // Lagrange interpolation over the eight nodes around g.
      const double x = g / node_spacing_;
      const int first =
          std::clamp(static_cast<int>(x) - k_points / 2 + 1, 0, static_cast<int>(nodes_.size()) - k_points);
      double sum = 0;
      for (int p = 0; p < k_points; ++p) {
        double weight = 1;
        for (int q = 0; q < k_points; ++q)
          if (q != p) weight *= (x - first - q) / (p - q);
        sum += weight * nodes_[std::size_t(first + p)];
      }
      im[i] = static_cast<Real>(sum);
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
