#include "core/bloch/scattering.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/crystal/crystal.hpp"

namespace bragglive {
namespace {

constexpr double k_pi = std::numbers::pi;
constexpr double k_series_below =
    0.1;  // argument below which the small-argument series is used, as in the published code

// Ein(x) = ∫0^x (1 - exp(-t))/t dt = γ + ln x - Ei(-x), with Euler's constant cut after seven digits as in
// the published program.
double ein(double x) {
  constexpr double euler = 0.5772157;
  if (x < 1) {
    double term = x, sum = x;
    for (int k = 2; k < 30; ++k) {
      term *= -x / k;
      sum += term / k;
    }
    return sum + (euler - std::numbers::egamma);
  }
  return euler + std::log(x) - std::expint(-x);
}

// x exp(-x) Ei(x) for x > 20 as the programs of the field have it since 1991: six-digit values at 1/x = 0,
// 0.005 … 0.05 (Abramowitz & Stegun, table 5.2) and linear steps, with 0.0005 for 0.005 in the offset. Kept
// so that numbers can be compared: it moves the phonon part by 3e-6 of itself below 2 1/Å and by less than
// 1e-3 at 4 1/Å, where that part is a hundredth of its value at 0.
double tabulated_expint(double x) {
  constexpr std::array<double, 11> values = {1.000000, 1.005051, 1.010206, 1.015472, 1.020852, 1.026355,
                                             1.031985, 1.037751, 1.043662, 1.049726, 1.055956};
  const auto i = static_cast<std::size_t>(200 / x);
  return values[i] + 200 * (values[i + 1] - values[i]) * (1 / x - 0.5e-3 * double(i));
}

// exp(-x) Ei(y), y <= x.
double damped_expint(double x, double y) {
  return y > 20 ? std::exp(y - x) * tabulated_expint(y) / y : std::exp(-x) * std::expint(y);
}

// ∫ d²κ φ_a(κ) φ_b(G - κ), φ_b(κ) = (1 - exp(-bκ²))/κ² = ∫0^b exp(-tκ²) dt. Writing both as such integrals
// and integrating over κ leaves π ∫∫ exp(-G² s t/(s + t))/(s + t) over the rectangle a x b, which splits into
// two triangles with closed forms in exponential integrals.
double triangle(double a, double b, double g2) {
  const double x = a * b * g2 / (a + b);
  return ein(x) + std::log((a + b) / a) - damped_expint(a * g2, a * g2) +
         damped_expint(a * g2, a * a * g2 / (a + b));
}
double overlap(double a, double b, double g2) {
  if (a <= 0 || b <= 0) return 0;
  return k_pi / g2 * (triangle(a, b, g2) + triangle(b, a, g2));
}

// The same to first order in G².
double overlap_series(double a, double b, double g2) {
  if (a <= 0 || b <= 0) return 0;
  const double s = a + b;
  const double zeroth = a * std::log(s / a) + b * std::log(s / b);
  // ∫∫ st/(s+t)² ds dt over a x b
  const double first = (a * a * std::log(s / a) + b * b * std::log(s / b) - a * b) / 2;
  return k_pi * (zeroth - g2 * first);
}

}  // namespace

double lobato_factor(int z, double g) {
  const auto c = lobato_coefficients(z);
  double sum = 0;
  for (std::size_t i = 0; i < 10; i += 2) {
    const double x = c[i + 1] * g * g;
    sum += c[i] * (2 + x) / ((1 + x) * (1 + x));
  }
  return sum;
}

double weickenmeier_kohl_factor(int z, double g) {
  const auto c = weickenmeier_kohl_coefficients(z);
  const double s2 = g * g / 4;
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double a = c[i], b = c[i + 4], x = b * s2;
    if (x < k_series_below)
      sum += a * b * (1 - x / 2);
    else if (x > 20)
      sum += a / s2;
    else
      sum += a * (1 - std::exp(-x)) / s2;
  }
  return sum;
}

double core_loss_factor(int z, double g, const Electron& electron) {
  constexpr double a0 = 0.5289;
  const double kev = electron.voltage_kv;
  const double energy_loss = 6e-3 * z;  // keV
  const double theta_e = energy_loss / (2 * kev) * (2 * kev + 1022) / (kev + 1022);
  const double radius = 0.885 * a0 / std::cbrt(double(z));
  const double k = 2 * k_pi * electron.k0;
  const double theta_a = 1 / (k * radius);
  const double kappa2 = theta_e * theta_e / (theta_a * theta_a), kappa = std::sqrt(kappa2);
  const double omega = 2 * k_pi * g * radius, omega2 = omega * omega;
  const double d1 = std::sqrt(omega2 + 4 * kappa2);
  const double x1 = omega / ((1 + omega2) * d1) * std::log((omega + d1) / (2 * kappa));
  const double d2 = std::sqrt((1 + omega2) * (1 + omega2) + 4 * kappa2 * omega2);
  const double x2 = std::log((1 + 2 * kappa2 + omega2 + d2) / (2 * kappa * std::sqrt(1 + kappa2))) / d2;
  const double d3 = std::sqrt(omega2 + 4 * (1 + kappa2));
  const double x3 = omega > 0.01 ? std::log((omega + d3) / (2 * std::sqrt(1 + kappa2))) / (omega * d3)
                                 : 1 / (4 * (1 + kappa2));
  const double h = 2 * z / (theta_a * theta_a) * (-x1 + x2 - x3);
  return 4 / (a0 * a0) * 2 * k_pi / (k * k) * h;
}

double phonon_factor(int z, double g, double u_squared) {
  const auto c = weickenmeier_kohl_coefficients(z);
  const double g2 = 4 * k_pi * k_pi * g * g;
  const double w = std::exp(-u_squared * g2 / 2);
  const double m = u_squared / 2;
  std::array<double, 4> a{}, b{};
  for (std::size_t i = 0; i < 4; ++i) {
    a[i] = c[i] * 16 * k_pi * k_pi;
    b[i] = c[i + 4] / (16 * k_pi * k_pi);
  }
  // The displacement shifts both integration ranges by u²/2: the damped integral is the one over [m, B_i + m]
  // x [m, B_j + m], by differences from the origin. Those along one edge do not depend on the partner, unless
  // the partner switches to the series.
  const auto form = [g2](double widest) { return widest * g2 <= k_series_below ? overlap_series : overlap; };
  const std::array<double (*)(double, double, double), 2> forms = {overlap_series, overlap};
  std::array<std::array<double, 2>, 4> edge{};
  std::array<double, 2> corner{};
  for (std::size_t f = 0; f < (g2 > 0 ? 2u : 1u); ++f) {
    corner[f] = forms[f](m, m, g2);
    for (std::size_t i = 0; i < 4; ++i) edge[i][f] = forms[f](b[i] + m, m, g2);
  }
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const double i1 = form(std::max(b[i], b[j]))(b[i], b[j], g2);
      const auto damped = form(std::max({b[i], b[j], u_squared}));
      const std::size_t f = damped == overlap ? 1 : 0;
      const double i2 = damped(b[i] + m, b[j] + m, g2) - edge[i][f] - edge[j][f] + corner[f];
      sum += (i == j ? 1 : 2) * a[i] * a[j] * (w * i1 - i2);
    }
  return sum;
}

namespace {

// The programs of the field carry 1/π as a product of two rounded constants (Å to V Å^2 and back) and the
// electron's rest energy as 511 keV; together 7e-6 off, which is kept so that numbers can be compared.
constexpr double k_per_pi = 0.4787801 * 0.664840340614319;

double debye_waller(double g, double u_squared) {
  return std::exp(-2 * k_pi * k_pi * u_squared * g * g);
}
double published_gamma(const Electron& electron) {
  return 1 + electron.voltage_kv / 511;
}

}  // namespace

std::complex<double> weickenmeier_kohl_dynamical(int z, double g, double u_squared, double phonon,
                                                 const Electron& electron) {
  const double w = debye_waller(g, u_squared), gamma = published_gamma(electron);
  const double loss = w * core_loss_factor(z, g, electron) + phonon;
  return {gamma * w * weickenmeier_kohl_factor(z, g) * k_per_pi,
          gamma * gamma * loss / (8 * k_pi * k_pi * electron.k0) * k_per_pi};
}

std::complex<double> dynamical_factor(FactorTable table, bool absorption, int z, double g, double u_squared,
                                      const Electron& electron) {
  const double w = debye_waller(g, u_squared);
  if (table == FactorTable::lobato) {
    const double f = electron.gamma * w * lobato_factor(z, g) / k_pi;
    return {f, absorption ? 0.1 * f : 0.0};
  }
  if (!absorption) return {published_gamma(electron) * w * weickenmeier_kohl_factor(z, g) * k_per_pi, 0.0};
  return weickenmeier_kohl_dynamical(z, g, u_squared, phonon_factor(z, g, u_squared), electron);
}

Expected<void> check_element(FactorTable table, int z) {
  if (z >= 1 && z <= max_atomic_number(table)) return {};
  return fail(ErrorArea::format, "element {} (Z = {}) has no {} scattering factor (Z 1..{})",
              element_symbol(z), z, name_of(table), max_atomic_number(table));
}

}  // namespace bragglive
