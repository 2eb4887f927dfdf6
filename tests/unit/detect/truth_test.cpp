// The live detector against patterns whose truth is known.
#include "core/detect/correlation_detector.hpp"
#include "core/detect/disk_detector.hpp"
#include "tests/catch.hpp"
#include "tests/unit/detect/best_f1.hpp"
#include "tests/unit/detect/fisher.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

BraggList detect(const Pattern& pattern, const DiskDetectorConfig& config) {
  static DiskDetector::Scratch scratch;
  const auto detector = DiskDetector::create(config, pattern.shape);
  REQUIRE(detector);
  BraggList disks;
  FrameSums sums;
  REQUIRE(detector->detect(pattern.view(), pattern.truth[0].qx, pattern.truth[0].qy, scratch, disks, sums) ==
          DetectStatus::ok);
  return disks;
}

DiskDetectorConfig config_for(const PatternSpec& spec) {
  DiskDetectorConfig config;
  config.probe_radius_px = spec.probe_radius;
  return config;
}

PositionErrors position_errors(const PatternSpec& spec, std::uint64_t patterns) {
  PositionErrors errors;
  for (std::uint64_t seed = 0; seed < patterns; ++seed) {
    const Pattern pattern = make_pattern(spec, seed);
    errors.add(pattern, spec, detect(pattern, config_for(spec)));
  }
  return errors;
}

}  // namespace

TEST_CASE("every disk of a bright pattern is found and hardly anything else, for any probe size") {
  for (const double radius : {1.5, 2.0, 3.0, 4.0, 6.0, 9.0}) {
    PatternSpec spec;
    spec.probe_radius = radius;
    spec.dose = 1e5;
    spec.background = 0.2;
    spec.min_spacing = std::max(10.0, 3 * radius);
    spec.disks = radius > 5 ? 15 : 25;
    Match all;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const Pattern pattern = make_pattern(spec, seed);
      const Match match = compare(pattern.truth, detect(pattern, config_for(spec)), 1.5);
      all.hits += match.hits;
      all.missed += match.missed;
      all.false_found += match.false_found;
      CHECK(std::abs(match.intensity_bias) < 0.03);
    }
    CAPTURE(radius, all.hits, all.missed, all.false_found);
    CHECK(all.missed <= 1);
    CHECK(all.false_found <= 2);  // of 150 to 250
  }
}

TEST_CASE("positions come within 1.2 times the Cramér-Rao bound from 10^4 counts on") {
  for (const double radius : {2.0, 3.0, 6.0})
    for (const double dose : {2e4, 3e5}) {
      PatternSpec spec;
      spec.probe_radius = radius;
      spec.dose = dose;
      spec.disks = 12;
      spec.weakest = 0.3;
      spec.background = dose * 1e-5;
      spec.min_spacing = 4 * radius + 8;
      const PositionErrors errors = position_errors(spec, 25);
      CAPTURE(radius, dose, errors.count());
      REQUIRE(errors.count() > 250);
      CHECK(errors.over_bound() < 1.2);
      CHECK(errors.over_bound() > 0.8);  // the bound itself is not mistaken
    }
}

// Under such disks a halo as wide as they are is no plane.
TEST_CASE("positions of wide disks on a halo come within 1.2 times the Cramér-Rao bound") {
  for (const auto& [radius, dose] : {std::pair{8.0, 1e4}, std::pair{8.0, 1e6}, std::pair{12.0, 1e6}}) {
    PatternSpec spec;
    spec.shape = {128, 128};
    spec.probe_radius = radius;
    spec.dose = dose;
    spec.halo = 0.3 * dose;
    spec.background = dose * 1e-6;
    spec.disks = 10;
    spec.min_spacing = 2.5 * radius + 4;
    const PositionErrors errors = position_errors(spec, 60);
    CAPTURE(radius, dose, errors.count());
    REQUIRE(errors.count() > 400);
    CHECK(errors.over_bound() < 1.2);
  }
}

TEST_CASE("noise gives about as many false disks as were allowed") {
  for (const double radius : {1.5, 3.0, 8.0}) {
    DiskDetectorConfig config;
    config.probe_radius_px = radius;
    config.false_disks_per_frame = 0.5;
    const auto detector = DiskDetector::create(config, {192, 192});
    REQUIRE(detector);
    DiskDetector::Scratch scratch;
    BraggList disks;
    FrameSums sums;
    for (const double level : {0.002, 0.005, 0.02, 0.06, 0.3, 3.0, 40.0}) {
      PatternSpec spec;
      spec.dose = 0;
      spec.disks = 1;
      spec.background = level;
      std::size_t found = 0;
      constexpr int k_frames = 60;
      for (int seed = 0; seed < k_frames; ++seed) {
        Pattern pattern = make_pattern(spec, static_cast<std::uint64_t>(seed));
        (void)detector->detect(pattern.view(), 96, 96, scratch, disks, sums);
        found += disks.size();
      }
      CAPTURE(radius, level, found);
      CHECK(static_cast<double>(found) <= 2 * config.false_disks_per_frame * k_frames);
    }
  }
}

TEST_CASE(
    "at some hundred counts a frame the fast path finds what the reference path finds with its best "
    "threshold") {
  for (const double radius : {2.0, 4.0, 8.0, 12.0})
    for (const double dose : {100.0, 400.0}) {
      PatternSpec spec;
      spec.shape = {128, 128};
      spec.probe_radius = radius;
      spec.dose = dose;
      spec.halo = 0.3 * dose;
      spec.background = 1e-6 * dose;
      spec.disks = radius > 5 ? 10 : 20;
      spec.min_spacing = 2.5 * radius + 4;
      std::vector<Pattern> patterns;
      for (std::uint64_t seed = 0; seed < 80; ++seed) patterns.push_back(make_pattern(spec, 5000 + seed));
      const double tolerance = std::max(1.5, 0.5 * radius);
      const double fast = best_fast_f1(spec, patterns, tolerance);
      const double reference = best_reference_f1(spec, patterns, tolerance);
      CAPTURE(radius, dose, fast, reference);
      CHECK(fast > 0.95 * reference);
    }
}

TEST_CASE("the fast path and the reference path find the same disks") {
  PatternSpec spec;
  spec.shape = {128, 128};
  spec.dose = 2e5;
  spec.background = 0.5;
  spec.disks = 15;
  spec.weakest = 0.2;
  spec.min_spacing = 14;
  const RealImage probe = synthetic_probe(spec.shape, spec.probe_radius, 1.2);
  const auto kernel =
      make_kernel(probe, 64, 64, {KernelMode::sigmoid, 3, {spec.probe_radius, 4 * spec.probe_radius}});
  REQUIRE(kernel);
  CorrelationConfig config;
  config.sigma_cc = 1;
  config.edge_px = 3;
  config.min_spacing_px = 6;
  config.min_relative = 0;
  config.min_absolute = 1;
  config.max_peaks = 15;
  const auto reference = CorrelationDetector::create(config, *kernel);
  REQUIRE(reference);
  CorrelationDetector::Scratch scratch;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const Pattern pattern = make_pattern(spec, seed);
    const BraggList fast = detect(pattern, config_for(spec));
    BraggList slow;
    REQUIRE(reference->detect(to_real(pattern.view()), scratch, slow));
    const Match match = compare(slow, fast, 0.5);
    CHECK(match.hits == static_cast<int>(pattern.truth.size()));
    CHECK(match.position_rms < 0.1);
  }
}

TEST_CASE("overlapping disks keep their places and their counts") {
  for (const double distance : {1.8, 2.0, 2.4}) {
    PatternSpec spec;
    spec.shape = {64, 64};
    spec.probe_radius = 5;
    Pattern pattern;
    pattern.shape = spec.shape;
    pattern.expected.assign(spec.shape.pixels(), 0.1);
    pattern.truth = {{30.3, 25.2, 40000}, {30.3, 25.2 + distance * spec.probe_radius, 32000}};
    for (const BraggPeak& disk : pattern.truth)
      add_disk(pattern.expected, spec.shape, disk.qx, disk.qy, disk.intensity, spec.probe_radius, 1);
    std::mt19937_64 random(5);
    draw_counts(pattern, random);
    const Match match = compare(pattern.truth, detect(pattern, config_for(spec)), 0.3);
    CAPTURE(distance, match.hits, match.false_found, match.intensity_bias);
    CHECK(match.hits == 2);
    CHECK(match.false_found == 0);
    CHECK(std::abs(match.intensity_bias) < 0.06);
  }
}

TEST_CASE("a halo and a slope neither move disks nor add any") {
  PatternSpec spec;
  spec.dose = 1e5;
  spec.halo = 1e5;
  spec.weakest = 0.3;
  spec.min_spacing = 16;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const Pattern pattern = make_pattern(spec, seed);
    const Match match = compare(pattern.truth, detect(pattern, config_for(spec)), 1);
    CHECK(match.hits == static_cast<int>(pattern.truth.size()));
    CHECK(match.false_found <= 1);
    CHECK(match.position_rms < 0.08);
  }
}
