// Probes that are no soft-edged disk: the detector goes the reference way by itself and says so.
#include "core/detect/disk_detector.hpp"
#include "tests/catch.hpp"
#include "tests/unit/detect/pattern_maker.hpp"

using namespace bragglive;

namespace {

// A ring-shaped aperture: bright from 0.6 radii on.
double ring_at(double r, double radius) {
  const auto disk = [r](double edge) { return 1 / (1 + std::exp(4 * (r - edge))); };
  return disk(radius) - disk(0.6 * radius);
}
// The same with a bar across it.
double barred_at(double row, double col, double radius) {
  const double r = std::hypot(row, col);
  return std::abs(row - col) < 2.5 ? 0 : ring_at(r, radius) + 0.3 * ring_at(r, 0.6 * radius);
}

template <class Shape>
ProbeImage image_of(double radius, const Shape& shape) {
  ProbeImage probe;
  probe.side = static_cast<std::uint32_t>(2 * static_cast<int>(1.5 * radius + 2) + 1);
  const double middle = probe.side / 2;
  for (std::uint32_t row = 0; row < probe.side; ++row)
    for (std::uint32_t col = 0; col < probe.side; ++col)
      probe.values.push_back(static_cast<float>(std::max(0.0, shape(row - middle, col - middle))));
  return probe;
}

// The truth of a pattern of disks, drawn with another shape.
template <class Shape>
test::Pattern redraw(const test::PatternSpec& spec, std::uint64_t seed, const Shape& shape) {
  test::Pattern pattern = test::make_pattern(spec, seed);
  std::fill(pattern.expected.begin(), pattern.expected.end(), spec.background);
  double area = 0;
  for (int row = -40; row <= 40; ++row)
    for (int col = -40; col <= 40; ++col) area += std::max(0.0, shape(row, col));
  for (const BraggPeak& disk : pattern.truth)
    for (std::size_t row = 0; row < spec.shape.rows; ++row)
      for (std::size_t col = 0; col < spec.shape.cols; ++col)
        pattern.expected[row * spec.shape.cols + col] +=
            disk.intensity / area *
            std::max(0.0, shape(static_cast<double>(row) - disk.qx, static_cast<double>(col) - disk.qy));
  std::mt19937_64 random(seed);
  test::draw_counts(pattern, random);
  return pattern;
}

}  // namespace

TEST_CASE("a probe with structure sends the detector the reference way, which finds its disks") {
  test::PatternSpec spec;
  spec.shape = {160, 160};
  spec.probe_radius = 9;
  spec.disks = 15;
  spec.dose = 1e5;
  spec.background = 0.2;
  spec.min_spacing = 24;
  const auto ring = [&](double row, double col) { return ring_at(std::hypot(row, col), spec.probe_radius); };
  const auto barred = [&](double row, double col) { return barred_at(row, col, spec.probe_radius); };
  const auto check = [&](const auto& shape) {
    DiskDetectorConfig config;
    config.probe_radius_px = spec.probe_radius;
    config.probe = image_of(spec.probe_radius, shape);
    const auto detector = DiskDetector::create(config, spec.shape);
    REQUIRE(detector);
    CHECK(detector->slow_reason().find("no evenly lit disk") != std::string::npos);
    DiskDetector::Scratch scratch;
    BraggList disks;
    FrameSums sums;
    int hits = 0, missed = 0, false_found = 0;
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const test::Pattern pattern = redraw(spec, seed, shape);
      REQUIRE(detector->detect(pattern.view(), 80, 80, scratch, disks, sums) == DetectStatus::ok);
      const test::Match match = test::compare(pattern.truth, disks, 2);
      hits += match.hits;
      missed += match.missed;
      false_found += match.false_found;
      CHECK(match.position_rms < 0.15);
      CHECK(std::abs(match.intensity_bias) < 0.08);
      CHECK(sums.bright_field > 0.3 * spec.dose);
    }
    CAPTURE(hits, missed, false_found);
    CHECK(hits > 50);
    CHECK(missed <= 1);
    CHECK(false_found <= 1);
  };
  check(ring);
  check(barred);
}

TEST_CASE("the image of an evenly lit disk leaves detection fast") {
  DiskDetectorConfig config;
  config.probe_radius_px = 5;
  config.probe =
      image_of(5, [](double row, double col) { return 1 / (1 + std::exp(4 * (std::hypot(row, col) - 5))); });
  const auto detector = DiskDetector::create(config, {64, 64});
  REQUIRE(detector);
  CHECK(detector->slow_reason().empty());
}

TEST_CASE("impossible probe images are refused with what is wrong") {
  DiskDetectorConfig config;
  config.probe_radius_px = 5;
  config.probe = {15, std::vector<float>(225, 0.0f)};
  CHECK(!DiskDetector::create(config, {64, 64}));
  config.probe = {15, std::vector<float>(10, 1.0f)};
  CHECK(!DiskDetector::create(config, {64, 64}));
  config.probe = image_of(30, [](double row, double col) { return ring_at(std::hypot(row, col), 30); });
  config.probe_radius_px = 30;
  const auto too_large = DiskDetector::create(config, {64, 64});
  REQUIRE(!too_large);
  CHECK(too_large.error().message.find("does not fit") != std::string::npos);
}
