// How different two colours look, also to people who see fewer of them.
#pragma once
#include <QColor>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace bragglive::gui::test {

using Triple = std::array<double, 3>;

inline Triple linear_rgb(QRgb c) {
  const auto one = [](int channel) {
    const double v = channel / 255.0;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  return {one(qRed(c)), one(qGreen(c)), one(qBlue(c))};
}

inline Triple times(const std::array<Triple, 3>& m, const Triple& v) {
  Triple out{};
  for (std::size_t i = 0; i < 3; ++i) out[i] = m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2];
  return out;
}

enum class Vision { normal, deuteranope, protanope, tritanope };

// Machado, Oliveira, Fernandes 2009 (doi 10.1109/TVCG.2009.113), severity 1, in linear sRGB.
inline Triple seen_by(Vision vision, QRgb colour) {
  static const std::array<std::array<Triple, 3>, 4> matrices = {{
      {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
      {{{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}},
      {{{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}},
      {{{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}}},
  }};
  Triple out = times(matrices[static_cast<std::size_t>(vision)], linear_rgb(colour));
  for (double& v : out) v = std::clamp(v, 0.0, 1.0);
  return out;
}

// CIE 1976 L*a*b* under D65.
inline Triple lab(const Triple& rgb) {
  const Triple xyz = times({{{0.4124564, 0.3575761, 0.1804375},
                             {0.2126729, 0.7151522, 0.0721750},
                             {0.0193339, 0.1191920, 0.9503041}}},
                           rgb);
  const auto f = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; };
  const double x = f(xyz[0] / 0.95047), y = f(xyz[1]), z = f(xyz[2] / 1.08883);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

// CIEDE2000, checked below against a pair of Sharma, Wu, Dalal 2005.
inline double distance(const Triple& one, const Triple& two) {
  constexpr double pi = std::numbers::pi;
  const auto radians = [](double d) { return d * pi / 180; };
  const double c1 = std::hypot(one[1], one[2]), c2 = std::hypot(two[1], two[2]), cm = (c1 + c2) / 2;
  const double g = 0.5 * (1 - std::sqrt(std::pow(cm, 7) / (std::pow(cm, 7) + std::pow(25.0, 7))));
  const double a1 = (1 + g) * one[1], a2 = (1 + g) * two[1];
  const double p1 = std::hypot(a1, one[2]), p2 = std::hypot(a2, two[2]);
  const auto hue = [](double b, double a) {
    const double h = std::atan2(b, a) * 180 / pi;
    return h < 0 ? h + 360 : h;
  };
  const double h1 = hue(one[2], a1), h2 = hue(two[2], a2);
  const bool grey = p1 * p2 == 0;
  double dh = grey ? 0 : h2 - h1;
  if (dh > 180) dh -= 360;
  if (dh < -180) dh += 360;
  const double dl = two[0] - one[0], dc = p2 - p1, dH = 2 * std::sqrt(p1 * p2) * std::sin(radians(dh / 2));
  const double lm = (one[0] + two[0]) / 2, pm = (p1 + p2) / 2;
  double hm = h1 + h2;
  if (!grey) hm = std::abs(h1 - h2) <= 180 ? hm / 2 : (hm < 360 ? (hm + 360) / 2 : (hm - 360) / 2);
  const double t = 1 - 0.17 * std::cos(radians(hm - 30)) + 0.24 * std::cos(radians(2 * hm)) +
                   0.32 * std::cos(radians(3 * hm + 6)) - 0.20 * std::cos(radians(4 * hm - 63));
  const double sl = 1 + 0.015 * (lm - 50) * (lm - 50) / std::sqrt(20 + (lm - 50) * (lm - 50));
  const double sc = 1 + 0.045 * pm, sh = 1 + 0.015 * pm * t;
  const double rt = -2 * std::sqrt(std::pow(pm, 7) / (std::pow(pm, 7) + std::pow(25.0, 7))) *
                    std::sin(radians(60 * std::exp(-std::pow((hm - 275) / 25, 2))));
  return std::sqrt(std::pow(dl / sl, 2) + std::pow(dc / sc, 2) + std::pow(dH / sh, 2) +
                   rt * (dc / sc) * (dH / sh));
}

inline double distance(Vision vision, QRgb one, QRgb two) {
  return distance(lab(seen_by(vision, one)), lab(seen_by(vision, two)));
}

}  // namespace bragglive::gui::test
