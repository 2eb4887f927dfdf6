#include "core/calibrate/estimation.hpp"

#include <algorithm>
#include <cmath>

#include "core/calibrate/lattice_scale.hpp"
#include "core/detect/disk_detector.hpp"

namespace bragglive::detail {

// Disks in all frames and the direct beam in each of them.
Expected<DetectedDisks> Estimation::detect(double radius, double edge, double search_px) const {
  DiskDetectorConfig config;
  config.probe_radius_px = radius;
  config.probe_edge_px = edge;
  config.masked_pixels = report_.calibration.masked_pixels;
  config.probe = report_.calibration.probe;
  config.edge_px = 1;
  const auto detector = DiskDetector::create(config, report_.calibration.detector);
  if (!detector) return tl::unexpected(detector.error());
  DiskDetector::Scratch scratch;
  DetectedDisks result;
  FrameSums sums;
  for (std::size_t i = 0; i < indices_.size(); ++i) {
    BraggList disks;
    const ScanPosition at = position_of(scan_, indices_[i]);
    const auto centre = report_.calibration.origin(at);
    const DetectStatus status = detector->detect(view_(i), centre[0], centre[1], scratch, disks, sums);
    result.ring_frames += status == DetectStatus::rings;
    if (const auto beam = brightest_near(disks, centre[0], centre[1], search_px))
      result.origins.push_back({at, beam->qx, beam->qy});
    result.disks.push_back(std::move(disks));
  }
  return result;
}

// Without a visible beam (beam stop): the centre of Friedel pairs.
DetectedDisks Estimation::beams_from_pairs(DetectedDisks detected, double search_px) {
  if (!detected.origins.empty()) return detected;
  for (std::size_t i = 0; i < indices_.size(); ++i) {
    const ScanPosition at = position_of(scan_, indices_[i]);
    const auto centre = report_.calibration.origin(at);
    if (const auto middle = friedel_centre(detected.disks[i], centre[0], centre[1], search_px))
      detected.origins.push_back({at, middle->qx, middle->qy});
  }
  if (!detected.origins.empty())
    report_.notes.push_back("no direct beam seen: the origin comes from Friedel pairs");
  return detected;
}

Expected<void> Estimation::set_origin(const DetectedDisks& detected) {
  const auto fit = fit_origin(detected.origins);
  if (!fit) return tl::unexpected(fit.error());
  report_.origin = *fit;
  report_.origins = detected.origins;
  report_.calibration.origin_row = fit->row;
  report_.calibration.origin_col = fit->col;
  return {};
}

Expected<DetectedDisks> Estimation::find_probe_and_origin(const std::vector<std::uint8_t>& masked) {
  Calibration& c = report_.calibration;
  const auto coarse = coarse_probe(report_.mean);
  if (!coarse) return tl::unexpected(coarse.error());
  c.origin_row = {coarse->row, 0, 0};
  c.origin_col = {coarse->col, 0, 0};
  const bool given = config_.probe_radius_px > 0;
  double radius = given ? config_.probe_radius_px : std::max(0.8, coarse->radius_px);
  double edge = 0;
  DetectedDisks detected;
  for (int round = 0; round < 2; ++round) {
    const double search = std::max(4.0, (round == 0 ? 2.5 : 1.5) * radius);
    auto found = detect(radius, edge, search);
    if (!found) return tl::unexpected(found.error());
    detected = beams_from_pairs(std::move(*found), std::max(search, 0.1 * c.detector.rows));
    if (const auto placed = set_origin(detected); !placed) return tl::unexpected(placed.error());
    if (round == 1) break;
    RadialProfile profile(std::min(c.detector.rows, c.detector.cols) / 2.0, 0.25);
    const std::size_t step = std::max<std::size_t>(1, indices_.size() / 200);
    for (std::size_t i = 0; i < indices_.size(); i += step) {
      const auto origin = c.origin(position_of(scan_, indices_[i]));
      profile.add(view_(i), origin[0], origin[1], masked);
    }
    const auto probe = fit_probe(profile, radius);
    if (probe) {
      if (!given) radius = std::max(0.6, probe->radius_px);
      edge = std::clamp(probe->edge_px, 0.3, std::max(1.0, radius));
    } else if (!given) {
      report_.notes.push_back(probe.error().message);
    }
  }
  c.probe_radius_px = radius;
  report_.probe_edge_px = edge;
  if (!find_probe_image(masked)) return detected;
  auto again = detect(radius, edge, std::max(4.0, 1.5 * radius));
  if (!again) return tl::unexpected(again.error());
  if (const auto placed = set_origin(*again); !placed) return tl::unexpected(placed.error());
  return again;
}

// Only where the disk is clearly another than a soft-edged one: with its image detection is slow.
bool Estimation::find_probe_image(const std::vector<std::uint8_t>& masked) {
  Calibration& c = report_.calibration;
  constexpr double k_least_px = 3;  // smaller ones show no structure
  const auto half = static_cast<std::uint32_t>(1.4 * c.probe_radius_px + 2);
  if (c.probe_radius_px < k_least_px || 2 * half + 1 > std::min(c.detector.rows, c.detector.cols))
    return false;
  ProbeMean mean(half);
  const std::size_t step = std::max<std::size_t>(1, indices_.size() / 200);
  for (std::size_t i = 0; i < indices_.size(); i += step) {
    const auto origin = c.origin(position_of(scan_, indices_[i]));
    mean.add(view_(i), origin[0], origin[1], masked);
  }
  ProbeImage image = mean.image();
  if (image.empty() || !validate(image)) return false;
  report_.disk_likeness = disk_likeness(image, c.probe_radius_px);
  if (report_.disk_likeness >= k_least_disk_likeness) return false;
  c.probe = std::move(image);
  report_.notes.push_back(fmt::format(
      "the probe is no evenly lit disk (likeness {:.2f}): its image is kept, and disks are found by "
      "correlation with it, which is slow",
      report_.disk_likeness));
  return true;
}

void Estimation::collect_vectors(const DetectedDisks& detected) {
  report_.vectors.clear();
  const double inner = inner_px();
  for (std::size_t i = 0; i < indices_.size(); ++i) {
    const auto origin = report_.calibration.origin(position_of(scan_, indices_[i]));
    for (const BraggPeak& disk : detected.disks[i]) {
      // Frames are left out in turn for the uncertainty; in a few frames, disks are.
      const std::size_t group = indices_.size() >= 10 ? i : report_.vectors.size();
      const RingVector vector{disk.qx - origin[0], disk.qy - origin[1], disk.intensity, group, i};
      if (std::hypot(vector.row, vector.col) > inner) report_.vectors.push_back(vector);
    }
  }
}

void Estimation::rings_instead(const DetectedDisks& detected) {
  constexpr std::size_t k_few = 20;
  if (report_.vectors.size() >= k_few && 2 * detected.ring_frames < indices_.size()) return;
  const auto& c = report_.calibration;
  const auto centre = c.origin({scan_.rows / 2, scan_.cols / 2});
  std::vector<RingVector> rings = ring_vectors(report_.mean, centre[0], centre[1], inner_px());
  if (!is_ring_pattern(rings)) return;
  report_.vectors = std::move(rings);
  report_.from_rings = true;
  report_.notes.push_back("a ring pattern: ellipse and pixel size come from the rings of the mean image");
}

// Few orientations of the known crystal: their lattices say more than their lengths alone.
bool Estimation::fit_lattices() {
  const auto scale = fit_lattice_scale(report_.vectors, config_.reflections, inner_px(),
                                       config_.pixel_size_low, config_.pixel_size_high, config_.find_ellipse);
  if (!scale) {
    report_.notes.push_back(scale.error().message + "; trying lengths alone");
    return false;
  }
  Calibration& c = report_.calibration;
  report_.pixel_size = scale->pixel_size;
  report_.ellipse = scale->ellipse;
  c.pixel_size_inv_angstrom = scale->pixel_size.pixel_size;
  c.pixel_size_sigma = scale->pixel_size.sigma;
  report_.pixel_size_known = true;
  c.keystone = scale->keystone;
  if (c.keystone != std::array<double, 2>{})
    for (RingVector& vector : report_.vectors) {
      const double depth = 1 + c.keystone[0] * vector.row + c.keystone[1] * vector.col;
      vector.row /= depth;
      vector.col /= depth;
    }
  if (scale->ellipse.found) {
    c.ellipse_ratio = scale->ellipse.ratio;
    c.ellipse_angle_deg = scale->ellipse.angle_deg;
    undo_ellipse(report_.vectors, c.ellipse_ratio, c.ellipse_angle_deg);
  }
  report_.notes.push_back(fmt::format(
      "ellipse and pixel size come from {} lattice{} of the known crystal in {} frame{}", scale->lattices,
      scale->lattices == 1 ? "" : "s", scale->frames, scale->frames == 1 ? "" : "s"));
  if (scale->lattices == 1)
    report_.notes.push_back("one orientation alone does not prove that it is this crystal");
  if (scale->other_size > 0)
    report_.notes.push_back(
        fmt::format("a pixel size of {:.5g} 1/Å fits nearly as well: give --pixel-size-low and "
                    "--pixel-size-high to choose",
                    scale->other_size));
  return true;
}

Expected<void> Estimation::fit_rings_scale() {
  Calibration& c = report_.calibration;
  const auto fit = fit_pixel_size(report_.vectors, config_.known, inner_px(), config_.pixel_size_low,
                                  config_.pixel_size_high);
  if (!fit) return tl::unexpected(fit.error());
  report_.pixel_size = *fit;
  c.pixel_size_inv_angstrom = fit->pixel_size;
  c.pixel_size_sigma = fit->sigma;
  report_.pixel_size_known = true;
  return {};
}

Expected<void> Estimation::find_shape_and_scale() {
  Calibration& c = report_.calibration;
  if (config_.find_ellipse) report_.ellipse = fit_ellipse(report_.vectors, inner_px());
  const bool rings = report_.from_rings || report_.ellipse.rings > 0;
  if (!rings && !config_.reflections.empty() && fit_lattices()) return {};
  if (report_.ellipse.found) {
    c.ellipse_ratio = report_.ellipse.ratio;
    c.ellipse_angle_deg = report_.ellipse.angle_deg;
    undo_ellipse(report_.vectors, c.ellipse_ratio, c.ellipse_angle_deg);
  } else if (config_.find_ellipse) {
    report_.notes.push_back(report_.ellipse.rings == 0
                                ? "no ring with disks all around: the ellipse is taken as round"
                                : "the rings are round within their uncertainty");
  }
  if (!config_.known.empty()) return fit_rings_scale();
  if (config_.pixel_size > 0) {
    c.pixel_size_inv_angstrom = config_.pixel_size;
    report_.pixel_size_known = true;
    return {};
  }
  report_.notes.push_back(
      "the pixel size is not known: give a known crystal or the pixel size before labelling with this");
  return {};
}

void Estimation::pick_examples(const DetectedDisks& detected) {
  std::vector<std::size_t> order(indices_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return detected.disks[a].size() > detected.disks[b].size();
  });
  for (std::size_t i = 0; i < std::min<std::size_t>(3, order.size()); ++i)
    report_.examples.push_back(
        {position_of(scan_, indices_[order[i]]), to_real(view_(order[i])), detected.disks[order[i]]});
}

double Estimation::inner_px() const {
  return std::max(2.0 * report_.calibration.probe_radius_px, report_.calibration.probe_radius_px + 3);
}

}  // namespace bragglive::detail
