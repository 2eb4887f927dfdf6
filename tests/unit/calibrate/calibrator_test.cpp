// A whole calibration from a made-up scan whose truth is known.
#include "core/calibrate/calibrator.hpp"

#include "tests/catch.hpp"
#include "tests/unit/detect/pattern_maker.hpp"

using namespace bragglive;

namespace {

constexpr double k_pixel_size = 0.0165;

// Gold spots at random angles on elliptical rings, about an origin that wanders over the scan.
test::Pattern gold_frame(ScanPosition at, const Calibration& truth, std::mt19937_64& random) {
  std::uniform_real_distribution<double> unit(0, 1);
  test::Pattern pattern;
  pattern.shape = truth.detector;
  pattern.expected.assign(pattern.shape.pixels(), 0.05);
  const auto origin = truth.origin(at);
  pattern.truth.push_back({origin[0], origin[1], 4000});
  const PixelsToQ to_q(truth);
  for (const double n : {3.0, 4.0, 8.0, 11.0, 12.0}) {
    const double theta = 6.283185307 * unit(random);
    const double q = std::sqrt(n) / 4.08;
    for (const double sign : {1.0, -1.0}) {
      const auto px = to_q.to_pixels(at, sign * q * std::cos(theta), sign * q * std::sin(theta));
      pattern.truth.push_back({px[0], px[1], 300 + 500 * unit(random)});
    }
  }
  for (const BraggPeak& disk : pattern.truth)
    test::add_disk(pattern.expected, pattern.shape, disk.qx, disk.qy, disk.intensity, truth.probe_radius_px,
                   1);
  test::draw_counts(pattern, random);
  for (const std::uint32_t pixel : truth.masked_pixels) pattern.counts[pixel] = 800;
  return pattern;
}

Calibration truth() {
  Calibration c;
  c.detector = {128, 128};
  c.pixel_size_inv_angstrom = k_pixel_size;
  c.origin_row = {62.4, 0.05, -0.02};
  c.origin_col = {65.1, 0.01, 0.04};
  c.probe_radius_px = 2.2;
  c.ellipse_ratio = 1.015;
  c.ellipse_angle_deg = 25;
  c.masked_pixels = {20 * 128 + 31, 99 * 128 + 70};
  return c;
}

}  // namespace

TEST_CASE("origin, probe, ellipse, pixel size and hot pixels of a scan are found together") {
  const Calibration expected = truth();
  const ScanShape scan{16, 16};
  CalibratorConfig config;
  for (const double n : {3.0, 4.0, 8.0, 11.0, 12.0, 16.0, 19.0, 20.0, 24.0})
    config.known.push_back({std::sqrt(n) / 4.08, 100 / n});
  auto calibrator = Calibrator::create(config, expected.detector, PixelType::u16, scan);
  REQUIRE(calibrator);
  std::mt19937_64 random(17);
  for (std::uint64_t i = 0; i < scan.positions(); ++i) {
    if (!calibrator->wants(i)) continue;
    calibrator->add(i, gold_frame(position_of(scan, i), expected, random).view());
  }
  const auto report = calibrator->finish();
  REQUIRE(report);
  const Calibration& c = report->calibration;
  CHECK(c.masked_pixels == expected.masked_pixels);
  CHECK(c.pixel_size_inv_angstrom == Approx(k_pixel_size).epsilon(0.002));
  CHECK(c.ellipse_ratio == Approx(expected.ellipse_ratio).margin(0.002));
  CHECK(c.probe_radius_px == Approx(expected.probe_radius_px).margin(0.1));
  for (const ScanPosition at : {ScanPosition{0, 0}, {15, 0}, {7, 15}}) {
    CHECK(c.origin(at)[0] == Approx(expected.origin(at)[0]).margin(0.1));
    CHECK(c.origin(at)[1] == Approx(expected.origin(at)[1]).margin(0.1));
  }
  CHECK(report->pixel_size_known);
  CHECK(report->examples.size() == 3);
}

TEST_CASE("a ring-shaped aperture is noticed, its image kept and its disks found with it") {
  constexpr double k_radius = 9;
  const FrameShape shape{128, 128};
  const auto ring = [](double r) {
    const auto disk = [r](double edge) { return 1 / (1 + std::exp(4 * (r - edge))); };
    return disk(k_radius) - disk(0.6 * k_radius);
  };
  const BraggList truth{{63.3, 65.8, 0}, {63.3, 100.8, 0}, {63.3, 30.8, 0}, {98.3, 65.8, 0}, {28.3, 65.8, 0}};
  test::Pattern pattern;
  pattern.shape = shape;
  pattern.expected.assign(shape.pixels(), 0.1);
  for (std::size_t i = 0; i < truth.size(); ++i)
    for (std::size_t row = 0; row < shape.rows; ++row)
      for (std::size_t col = 0; col < shape.cols; ++col)
        pattern.expected[row * shape.cols + col] +=
            (i == 0 ? 100 : 10) *
            ring(std::hypot(static_cast<double>(row) - truth[i].qx, static_cast<double>(col) - truth[i].qy));
  const ScanShape scan{4, 4};
  CalibratorConfig config;
  config.pixel_size = 0.02;
  auto calibrator = Calibrator::create(config, shape, PixelType::u16, scan);
  REQUIRE(calibrator);
  std::mt19937_64 random(3);
  for (std::uint64_t i = 0; i < scan.positions(); ++i) {
    test::draw_counts(pattern, random);
    calibrator->add(i, pattern.view());
  }
  const auto report = calibrator->finish();
  REQUIRE(report);
  const Calibration& c = report->calibration;
  CHECK(report->disk_likeness < k_least_disk_likeness);
  REQUIRE_FALSE(c.probe.empty());
  CHECK(c.origin({2, 2})[0] == Approx(63.3).margin(0.15));
  CHECK(c.origin({2, 2})[1] == Approx(65.8).margin(0.15));
  // Dark in the middle, bright on the ring.
  CHECK(c.probe.at(c.probe.side / 2, c.probe.side / 2) < 0.3f);
  REQUIRE_FALSE(report->examples.empty());
  const test::Match match = test::compare(truth, report->examples[0].disks_px, 2);
  CHECK(match.missed == 0);
  CHECK(match.false_found == 0);
  CHECK(match.position_rms < 0.3);
}

TEST_CASE("without a known crystal the pixel size is said to be unknown") {
  const Calibration expected = truth();
  const ScanShape scan{2, 3};
  auto calibrator = Calibrator::create({}, expected.detector, PixelType::u16, scan);
  REQUIRE(calibrator);
  std::mt19937_64 random(3);
  for (std::uint64_t i = 0; i < scan.positions(); ++i)
    calibrator->add(i, gold_frame(position_of(scan, i), expected, random).view());
  const auto report = calibrator->finish();
  REQUIRE(report);
  CHECK_FALSE(report->pixel_size_known);
  CHECK(report->calibration.pixel_size_inv_angstrom == 0);
  const auto refused = require_pixel_size(report->calibration, "c.toml");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("--known") != std::string::npos);
  const auto again = calibration_from_toml(to_toml(report->calibration), "c.toml");
  REQUIRE(again);
  CHECK(again->pixel_size_inv_angstrom == 0);
  CHECK_FALSE(report->notes.empty());
}

TEST_CASE("what cannot be calibrated is refused") {
  CHECK_FALSE(Calibrator::create({}, {4, 4}, PixelType::u16, {2, 2}).has_value());
  CHECK_FALSE(Calibrator::create({}, {64, 64}, PixelType::u16, {0, 2}).has_value());
  auto calibrator = Calibrator::create({}, {64, 64}, PixelType::u16, {4, 4});
  REQUIRE(calibrator);
  CHECK_FALSE(calibrator->finish().has_value());
  const std::vector<std::uint16_t> zeros(64 * 64, 0);
  calibrator->add(0, {zeros.data(), {64, 64}, PixelType::u16});
  calibrator->add(1, {zeros.data(), {32, 128}, PixelType::u16});
  CHECK(calibrator->frames() == 1);
  CHECK_FALSE(calibrator->finish().has_value());
}

TEST_CASE("frames that show nothing give a reason, not a calibration") {
  const FrameShape shape{48, 64};
  const std::vector<std::uint16_t> full(shape.pixels(), 65535);
  const std::vector<float> broken(shape.pixels(), std::nanf(""));
  const auto reason = [&](const void* pixels, PixelType type) {
    auto calibrator = Calibrator::create({}, shape, type, {2, 2});
    REQUIRE(calibrator);
    for (std::uint64_t i = 0; i < 4; ++i) calibrator->add(i, {pixels, shape, type});
    const auto report = calibrator->finish();
    return report ? std::string() : report.error().message;
  };
  CHECK(reason(full.data(), PixelType::u16).size() > 20);
  CHECK(reason(broken.data(), PixelType::f32).size() > 20);
  CHECK_FALSE(Calibrator::create({}, {1, 1}, PixelType::u16, {2, 2}).has_value());
}
