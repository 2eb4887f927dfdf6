#include "core/train/detection_model.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bragglive {

double Range::draw(CounterRandom& random) const {
  const double u = random.uniform();
  return logarithmic ? low * std::pow(high / low, u) : low + (high - low) * u;
}

Expected<DetectionModel> detection_preset(const std::string& name) {
  DetectionModel model;
  if (name == "none") return model;
  model.rotate = true;
  if (name == "field") {
    model.position_error = {0.003, 0.003};
    model.threshold = {5e-4, 5e-4};
    model.intensity_error = {0.1, 0.1};
    return model;
  }
  if (name == "detector") {
    model.pixel_size_error = {-0.02, 0.02};
    model.ellipticity = {0, 0.008};
    model.centre_error = {0, 0.003};
    model.intensity_error = {0.03, 0.2, true};
    model.threshold = {5e-5, 2e-3, true};
    model.q_max = {1.0, 2.05};
    model.spot_limit = {10, 120, true};
    model.spacing = {0.02, 0.08};
    model.position_error = {0.0004, 0.004, true};
    model.spurious = {0, 0.4};
    model.masked_centre = 0.3;
    model.calibrated = 0.5;
    return model;
  }
  return fail(ErrorArea::usage, "noise '{}' is not known: none, field or detector", name);
}

namespace {

constexpr double k_direct_radius = 0.02;  // 1/Å: the direct beam is nearer to the origin than any reflection

bool is_direct(const BraggPeak& peak) {
  return std::hypot(peak.qx, peak.qy) < k_direct_radius;
}

void distort(const DetectionModel& model, CounterRandom& random, BraggList& peaks) {
  const double turn = model.rotate ? random.uniform(0, 2 * std::numbers::pi) : 0;
  const double mirror = model.rotate && random.uniform() < 0.5 ? -1 : 1;
  const double size = 1 + model.pixel_size_error.draw(random), stretch = model.ellipticity.draw(random) / 2;
  const double along = random.uniform(0, std::numbers::pi), shift = model.centre_error.draw(random);
  const double shift_angle = random.uniform(0, 2 * std::numbers::pi);
  const double c = std::cos(turn), s = std::sin(turn), ca = std::cos(along), sa = std::sin(along);
  for (BraggPeak& peak : peaks) {
    const double x = size * (c * peak.qx - s * mirror * peak.qy),
                 y = size * (s * peak.qx + c * mirror * peak.qy);
    const double u = (ca * x + sa * y) * (1 + stretch), v = (-sa * x + ca * y) * (1 - stretch);
    peak.qx = ca * u - sa * v + shift * std::cos(shift_angle);
    peak.qy = sa * u + ca * v + shift * std::sin(shift_angle);
  }
}

void lose_spots(const DetectionModel& model, CounterRandom& random, BraggList& peaks) {
  const double relative = model.intensity_error.draw(random), threshold = model.threshold.draw(random);
  const double q_max = model.q_max.draw(random), spacing = model.spacing.draw(random);
  const double limit = model.spot_limit.draw(random);
  const bool masked = random.uniform() < model.masked_centre;
  for (BraggPeak& peak : peaks) peak.intensity *= std::exp(relative * random.normal());
  std::sort(peaks.begin(), peaks.end(),
            [](const BraggPeak& a, const BraggPeak& b) { return a.intensity > b.intensity; });
  std::size_t kept = 0;
  for (const BraggPeak& peak : peaks) {
    if (is_direct(peak)) {
      if (!masked) peaks[kept++] = peak;
      continue;
    }
    if (peak.intensity < threshold || std::hypot(peak.qx, peak.qy) > q_max ||
        static_cast<double>(kept) >= limit)
      continue;
    const bool hidden =
        spacing > 0 && std::any_of(peaks.begin(), peaks.begin() + static_cast<std::ptrdiff_t>(kept),
                                   [&](const BraggPeak& other) {
                                     return std::hypot(peak.qx - other.qx, peak.qy - other.qy) < spacing;
                                   });
    if (!hidden) peaks[kept++] = peak;
  }
  peaks.resize(kept);
}

void add_spurious(const DetectionModel& model, CounterRandom& random, BraggList& peaks) {
  const double expected = model.spurious.draw(random);
  if (!(expected > 0) || peaks.empty()) return;
  double reach = 0.5;
  for (const BraggPeak& peak : peaks) reach = std::max(reach, std::hypot(peak.qx, peak.qy));
  const double weak = peaks[peaks.size() - 1 - peaks.size() / 10].intensity;
  const double none = std::exp(-expected);
  for (double left = random.uniform(); left > none; left *= random.uniform()) {  // Knuth's Poisson draw
    const double q = reach * std::sqrt(random.uniform()), angle = random.uniform(0, 2 * std::numbers::pi);
    if (q > 0.05)
      peaks.push_back({q * std::cos(angle), q * std::sin(angle), weak * random.uniform(0.8, 1.5)});
  }
}

DetectionModel without_systematic_errors(DetectionModel model) {
  model.pixel_size_error = model.ellipticity = model.centre_error = model.spurious = {};
  return model;
}

void apply(const DetectionModel& model, CounterRandom& random, BraggList& peaks) {
  distort(model, random, peaks);
  lose_spots(model, random, peaks);
  const double sigma = model.position_error.draw(random);
  if (sigma > 0) {
    for (BraggPeak& peak : peaks) {
      peak.qx += sigma * random.normal();
      peak.qy += sigma * random.normal();
    }
  }
  add_spurious(model, random, peaks);
}

}  // namespace

void apply_detection(const DetectionModel& model, CounterRandom& random, BraggList& peaks) {
  if (model.calibrated > 0 && random.uniform() < model.calibrated)
    apply(without_systematic_errors(model), random, peaks);
  else
    apply(model, random, peaks);
}

}  // namespace bragglive
