// F1 of found disks with the threshold that suits the truth best, for the reference path and for the fast
// one.
#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include "core/detect/correlation_detector.hpp"
#include "core/detect/disk_detector.hpp"
#include "tests/unit/detect/pattern_maker.hpp"

namespace bragglive::test {

struct Reference {
  CorrelationDetector detector;
  CorrelationDetector::Scratch scratch;
};

// py4DSTEM's way with an edge-subtracted kernel of the true probe.
inline Reference reference_for(const PatternSpec& spec, Subpixel subpixel, double sigma_cc) {
  const RealImage probe = synthetic_probe(spec.shape, spec.probe_radius, 1.2);
  const auto kernel = make_kernel(probe, spec.shape.rows / 2.0, spec.shape.cols / 2.0,
                                  {KernelMode::sigmoid, 3, {spec.probe_radius, 4 * spec.probe_radius}});
  CorrelationConfig config;
  config.subpixel = subpixel;
  config.sigma_cc = sigma_cc;
  config.min_relative = 0;
  config.min_spacing_px = std::max(3.0, 1.5 * spec.probe_radius);
  config.edge_px = static_cast<std::uint32_t>(std::ceil(spec.probe_radius));
  config.max_peaks = 200;
  return {CorrelationDetector::create(config, *kernel).value(), {}};
}

struct Tally {
  int hits = 0, missed = 0, false_found = 0;
  void add(const Match& match) {
    hits += match.hits;
    missed += match.missed;
    false_found += match.false_found;
  }
  double f1() const { return 2.0 * hits / std::max(1.0, 2.0 * hits + missed + false_found); }
};

// The thresholds that the fast path is tried with: its default first.
constexpr std::array k_false_disks{DiskDetectorConfig{}.false_disks_per_frame,
                                   0.3,
                                   1.0,
                                   2.0,
                                   3.0,
                                   5.0,
                                   8.0,
                                   12.0,
                                   18.0,
                                   28.0,
                                   45.0,
                                   80.0,
                                   150.0,
                                   220.0};

struct Fast {
  DiskDetector detector;
  DiskDetector::Scratch scratch;
  BraggList found;
  FrameSums sums;
  const BraggList& find(const Pattern& pattern) {
    (void)detector.detect(pattern.view(), pattern.shape.rows / 2.0, pattern.shape.cols / 2.0, scratch, found,
                          sums);
    return found;
  }
};

inline Fast fast_for(const PatternSpec& spec, double false_disks_per_frame) {
  DiskDetectorConfig config;
  config.probe_radius_px = spec.probe_radius;
  config.false_disks_per_frame = false_disks_per_frame;
  return {DiskDetector::create(config, spec.shape).value(), {}, {}, {}};
}

inline double best_fast_f1(const PatternSpec& spec, const std::vector<Pattern>& patterns, double tolerance) {
  double best = 0;
  for (const double allowed : k_false_disks) {
    Fast fast = fast_for(spec, allowed);
    Tally tally;
    for (const Pattern& pattern : patterns) tally.add(compare(pattern.truth, fast.find(pattern), tolerance));
    best = std::max(best, tally.f1());
  }
  return best;
}

// Every threshold on the correlation value, every smoothing.
inline double best_reference_f1(const PatternSpec& spec, const std::vector<Pattern>& patterns,
                                double tolerance) {
  double best = 0;
  for (const double sigma : {0.0, 1.0, 2.0}) {
    Reference reference = reference_for(spec, Subpixel::poly, sigma);
    std::vector<BraggList> lists;
    double highest = 0;
    for (const Pattern& pattern : patterns) {
      BraggList peaks;
      (void)reference.detector.detect(to_real(pattern.view()), reference.scratch, peaks);
      if (!peaks.empty()) highest = std::max(highest, peaks[0].intensity);
      lists.push_back(std::move(peaks));
    }
    for (double threshold = highest; threshold > highest * 1e-5; threshold *= 0.9) {
      Tally tally;
      for (std::size_t i = 0; i < lists.size(); ++i) {
        BraggList kept;
        for (const BraggPeak& peak : lists[i])
          if (peak.intensity >= threshold) kept.push_back(peak);
        tally.add(compare(patterns[i].truth, kept, tolerance));
      }
      best = std::max(best, tally.f1());
    }
  }
  return best;
}

}  // namespace bragglive::test
