#include "core/features/polar_features.hpp"

#include <algorithm>
#include <cmath>

#include "core/features/definition.hpp"

namespace bragglive {
namespace {

struct PolarScratch final : FeatureSet::Scratch {
  std::vector<double> real, imag;  // (rings, orders)
  std::vector<double> weight;      // Σ w |I| per ring
};

constexpr const char* direct_text(DirectBeam direct) {
  switch (direct) {
    case DirectBeam::origin:
      return "origin";
    case DirectBeam::brightest:
      return "brightest";
    case DirectBeam::keep:
      return "keep";
  }
  return "origin";
}

}  // namespace

std::ptrdiff_t find_direct_beam(std::span<const BraggPeak> peaks, DirectBeam direct,
                                double origin_radius) noexcept {
  std::ptrdiff_t found = -1;
  if (direct == DirectBeam::keep) return found;
  double best = direct == DirectBeam::origin ? origin_radius * origin_radius : -INFINITY;
  for (std::size_t i = 0; i < peaks.size(); ++i) {
    const BraggPeak& peak = peaks[i];
    if (direct == DirectBeam::origin) {
      const double distance = peak.qx * peak.qx + peak.qy * peak.qy;
      if (!(distance < best)) continue;
      best = distance;
    } else {
      if (!(peak.intensity > best)) continue;
      best = peak.intensity;
    }
    found = static_cast<std::ptrdiff_t>(i);
  }
  return found;
}

Expected<std::shared_ptr<const PolarFeatures>> PolarFeatures::create(const PolarConfig& config) {
  if (!(config.ring_step > 0 && config.ring_step <= 1))
    return fail(ErrorArea::usage, "polar features: dq={} must lie in (0, 1] 1/Å", config.ring_step);
  if (config.rings < 1 || config.rings > 200)
    return fail(ErrorArea::usage, "polar features: m={} must lie in 1..200", config.rings);
  if (config.orders < 1 || config.orders > 32)
    return fail(ErrorArea::usage, "polar features: p={} must lie in 1..32", config.orders);
  if (!(config.origin_radius > 0 && config.origin_radius <= 1))
    return fail(ErrorArea::usage, "polar features: radius={} must lie in (0, 1] 1/Å", config.origin_radius);
  if (!(config.scale_total >= 0 && std::isfinite(config.scale_total)))
    return fail(ErrorArea::usage, "polar features: scale={} must be 0 (off) or positive", config.scale_total);
  if (!(config.phase_noise >= 0 && config.phase_noise < 1))
    return fail(ErrorArea::usage, "polar features: eps={} must lie in [0, 1)", config.phase_noise);
  return std::shared_ptr<const PolarFeatures>(
      new PolarFeatures(config));  // constructor is private: no make_shared
}

std::size_t PolarFeatures::size() const {
  return std::size_t{config_.rings} * config_.orders * (config_.magnitudes_only ? 1 : 2);
}

std::string PolarFeatures::definition() const {
  return fmt::format("polar v=1 dq={} m={} p={} direct={} radius={} scale={} parts={} eps={}",
                     number_text(config_.ring_step), config_.rings, config_.orders,
                     direct_text(config_.direct), number_text(config_.origin_radius),
                     number_text(config_.scale_total), config_.magnitudes_only ? "magnitude" : "both",
                     number_text(config_.phase_noise));
}

std::vector<std::string> PolarFeatures::names() const {
  std::vector<std::string> names;
  names.reserve(size());
  for (std::uint32_t m = 0; m < config_.rings; ++m) {
    for (std::uint32_t p = 0; p < config_.orders; ++p) {
      names.push_back(fmt::format("|tau({},{})|", m, p));
      if (!config_.magnitudes_only) names.push_back(fmt::format("arg tau({},{})", m, p));
    }
  }
  return names;
}

std::unique_ptr<FeatureSet::Scratch> PolarFeatures::make_scratch() const {
  auto scratch = std::make_unique<PolarScratch>();
  const std::size_t cells = std::size_t{config_.rings} * config_.orders;
  scratch->real.resize(cells);
  scratch->imag.resize(cells);
  scratch->weight.resize(config_.rings);
  return scratch;
}

namespace {

// Adds one spot to one ring: real/imag += amount * exp(i p φ) for all orders, by the recurrence of the unit
// vector.
inline void add_to_ring(double amount, double cosine, double sine, std::uint32_t orders, double* real,
                        double* imag) {
  double re = amount, im = 0;
  for (std::uint32_t p = 0; p < orders; ++p) {
    real[p] += re;
    imag[p] += im;
    const double next = re * cosine - im * sine;
    im = re * sine + im * cosine;
    re = next;
  }
}

}  // namespace

void PolarFeatures::compute(std::span<const BraggPeak> peaks, Scratch* scratch,
                            std::span<float> out) const noexcept {
  auto& work = static_cast<PolarScratch&>(*scratch);
  std::fill(work.real.begin(), work.real.end(), 0.0);
  std::fill(work.imag.begin(), work.imag.end(), 0.0);
  std::fill(work.weight.begin(), work.weight.end(), 0.0);
  double scale = 1;
  if (config_.scale_total > 0) {
    double total = 0;
    for (const BraggPeak& peak : peaks) total += peak.intensity;
    scale = total > 0 ? config_.scale_total / total : 0;
  }
  const std::ptrdiff_t direct = find_direct_beam(peaks, config_.direct, config_.origin_radius);
  const std::uint32_t orders = config_.orders;
  for (std::size_t j = 0; j < peaks.size(); ++j) {
    if (static_cast<std::ptrdiff_t>(j) == direct) continue;
    const double qx = peaks[j].qx, qy = peaks[j].qy, intensity = peaks[j].intensity * scale;
    const double q = std::sqrt(qx * qx + qy * qy);
    const double ring = q / config_.ring_step;
    if (!(ring < config_.rings) || !std::isfinite(intensity)) continue;
    // atan2(0, -0.0) is pi: the reference keeps the sign of a zero, so does this.
    const double cosine = q > 0 ? qx / q : std::copysign(1.0, qx), sine = q > 0 ? qy / q : 0;
    const auto m = static_cast<std::uint32_t>(ring);
    const double upper = ring - m;
    const auto add = [&](std::uint32_t at, double w) {
      if (at >= config_.rings || w <= 0) return;
      work.weight[at] += w * std::abs(intensity);
      const std::size_t cell = std::size_t{at} * orders;
      add_to_ring(w * intensity, cosine, sine, orders, &work.real[cell], &work.imag[cell]);
    };
    add(m, 1 - upper);
    add(m + 1, upper);
  }
  std::size_t at = 0;
  for (std::uint32_t m = 0; m < config_.rings; ++m) {
    const double noise = config_.phase_noise * work.weight[m];
    for (std::uint32_t p = 0; p < orders; ++p) {
      const double re = work.real[std::size_t{m} * orders + p], im = work.imag[std::size_t{m} * orders + p];
      const double magnitude = std::sqrt(re * re + im * im);
      out[at++] = static_cast<float>(magnitude);
      if (config_.magnitudes_only) continue;
      // Single precision is 100 times finer than any threshold a forest learns, and atan2 dominates the cost.
      out[at++] = magnitude > noise
                      ? std::atan2(static_cast<float>(im / magnitude), static_cast<float>(re / magnitude))
                      : 0.0F;
    }
  }
}

}  // namespace bragglive
