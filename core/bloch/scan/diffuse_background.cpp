#include "core/bloch/scan/diffuse_background.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bragglive {
namespace {

double inelastic(const DiffuseModel& m, double probe_q, double q) {
  // The direct disk's own width blurs the peak.
  return std::exp(-q / m.inelastic_cutoff) /
         (q * q + m.inelastic_width * m.inelastic_width + probe_q * probe_q);
}

double thermal(const DiffuseModel& m, double q) {
  const double f = 1 / (q * q + m.thermal_screening * m.thermal_screening);
  return f * f * (1 - std::exp(-m.thermal_b * q * q / 2));
}

double amorphous(const DiffuseModel& m, double q) {
  const double f = 1 / (q * q + m.amorphous_screening * m.amorphous_screening);
  double structure =
      1 -
      std::exp(-q * q / (2 * 0.15 * 0.15));  // little is scattered between the direct beam and the first ring
  for (const AmorphousRing& ring : m.rings) {
    const double x = (q - ring.q) / ring.width;
    structure += ring.strength * std::exp(-x * x / 2);
  }
  return f * f * structure;
}

// 2 pi times the integral of shape(q) q dq: what makes the shape integrate to 1.
template <class Shape>
double plane_integral(Shape shape) {
  double sum = 0;
  constexpr double k_step = 0.002, k_end = 12;  // 1/Å
  for (double q = k_step / 2; q < k_end; q += k_step) sum += shape(q) * q * k_step;
  return 2 * std::numbers::pi * sum;
}

}  // namespace

DiffuseBackground::DiffuseBackground(const DetectorModel& detector, const std::array<double, 4>& to_q,
                                     std::array<double, 2> centre, double margin_px)
    : frame_(detector.geometry.detector),
      centre_(centre),
      margin_(static_cast<int>(std::ceil(margin_px)) + 1) {
  const DiffuseModel& m = detector.diffuse;
  const double probe_q = detector.geometry.probe_radius_px * detector.geometry.pixel_size_inv_angstrom;
  const double pixel_area = std::abs(to_q[0] * to_q[3] - to_q[1] * to_q[2]);
  const std::array<double, 3> scale = {
      pixel_area / plane_integral([&](double q) { return inelastic(m, probe_q, q); }),
      pixel_area / plane_integral([&](double q) { return thermal(m, q); }),
      pixel_area / plane_integral([&](double q) { return amorphous(m, q); })};
  stride_ = frame_.cols + 2 * static_cast<std::size_t>(margin_) + 1;
  const std::size_t lines = frame_.rows + 2 * static_cast<std::size_t>(margin_) + 1;
  for (auto& shape : shapes_) shape.resize(lines * stride_);
  for (std::size_t i = 0; i < lines; ++i) {
    for (std::size_t j = 0; j < stride_; ++j) {
      const double row = static_cast<double>(i) - margin_ - centre[0],
                   col = static_cast<double>(j) - margin_ - centre[1];
      const double q = std::hypot(to_q[0] * row + to_q[1] * col, to_q[2] * row + to_q[3] * col);
      const std::size_t at = i * stride_ + j;
      shapes_[0][at] = static_cast<float>(scale[0] * inelastic(m, probe_q, q));
      shapes_[1][at] = static_cast<float>(scale[1] * thermal(m, q));
      shapes_[2][at] = static_cast<float>(scale[2] * amorphous(m, q));
    }
  }
}

void DiffuseBackground::fill(std::array<double, 2> origin, const DiffuseShares& electrons,
                             std::span<float> image) const noexcept {
  std::array<std::size_t, 2> whole{};
  std::array<float, 2> part{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const double shift = std::clamp(centre_[axis] - origin[axis], -double(margin_), margin_ - 1e-6) + margin_;
    whole[axis] = static_cast<std::size_t>(shift);
    part[axis] = static_cast<float>(shift - static_cast<double>(whole[axis]));
  }
  std::fill(image.begin(), image.end(), 0.0F);
  const std::array<double, 3> counts = {electrons.inelastic, electrons.thermal, electrons.amorphous};
  for (std::size_t k = 0; k < 3; ++k) {
    if (!(counts[k] > 0)) continue;
    const auto n = static_cast<float>(counts[k]);
    const float w00 = n * (1 - part[0]) * (1 - part[1]), w01 = n * (1 - part[0]) * part[1];
    const float w10 = n * part[0] * (1 - part[1]), w11 = n * part[0] * part[1];
    for (std::size_t row = 0; row < frame_.rows; ++row) {
      const float* here = shapes_[k].data() + (row + whole[0]) * stride_ + whole[1];
      const float* below = here + stride_;
      float* out = image.data() + row * frame_.cols;
      for (std::size_t col = 0; col < frame_.cols; ++col)
        out[col] += w00 * here[col] + w01 * here[col + 1] + w10 * below[col] + w11 * below[col + 1];
    }
  }
}

}  // namespace bragglive
