// Each estimator against numbers that were put in.
#include <random>

#include "core/calibrate/bad_pixels.hpp"
#include "core/calibrate/origin_fit.hpp"
#include "core/calibrate/pixel_size.hpp"
#include "core/calibrate/probe_fit.hpp"
#include "core/calibrate/ring_fit.hpp"
#include "tests/catch.hpp"
#include "tests/unit/detect/pattern_maker.hpp"

using namespace bragglive;

namespace {

// Allowed reflections of a face-centred cubic crystal.
std::vector<KnownRing> fcc_rings(double a, double longest) {
  std::vector<KnownRing> rings;
  for (int n = 3; std::sqrt(n) / a < longest; ++n) {
    int count = 0;
    for (int h = -12; h <= 12; ++h)
      for (int k = -12; k <= 12; ++k)
        for (int l = -12; l <= 12; ++l)
          count += h * h + k * k + l * l == n && (h + k) % 2 == 0 && (k + l) % 2 == 0;
    if (count > 0) rings.push_back({std::sqrt(n) / a, count * std::exp(-0.2 * n)});
  }
  return rings;
}

// Points on elliptical rings of a crystal, with scatter and a tenth of them wrong.
std::vector<RingVector> points_on(const std::vector<KnownRing>& rings, double pixel_size, double ratio,
                                  double angle_deg, double scatter) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> noise(0, scatter);
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<RingVector> points;
  for (std::size_t i = 0; i < 3000; ++i) {
    const double q = rings[random() % std::min<std::size_t>(rings.size(), 6)].q;
    const double theta = 6.283185307 * unit(random);
    const double r = i % 10 == 0 ? 10 + 80 * unit(random) : q / pixel_size;
    points.push_back({r * std::cos(theta), r * std::sin(theta), 1, i % 100});
  }
  undo_ellipse(points, 1 / ratio, angle_deg);  // puts it on
  for (RingVector& point : points) {
    point.row += noise(random);
    point.col += noise(random);
  }
  return points;
}

}  // namespace

TEST_CASE("hot, dead and NaN pixels are found and Bragg disks are not") {
  test::PatternSpec spec;
  spec.shape = {96, 96};
  spec.probe_radius = 1.5;
  spec.dose = 5e5;
  spec.background = 20;
  test::Pattern pattern = test::make_pattern(spec, 3);
  RealImage mean = to_real(pattern.view());
  mean.at(10, 12) = 400;
  mean.at(80, 5) = 0;
  mean.at(40, 90) = std::nan("");
  const std::vector<std::uint32_t> expected{10 * 96 + 12, 40 * 96 + 90, 80 * 96 + 5};
  CHECK(find_bad_pixels(mean, 10) == expected);
}

TEST_CASE("the origin's plane survives a third of wild positions") {
  std::mt19937_64 random(5);
  std::normal_distribution<double> noise(0, 0.03);
  std::vector<OriginSample> samples;
  for (std::uint32_t i = 0; i < 400; ++i) {
    const ScanPosition at{i / 20, i % 20};
    OriginSample sample{at, 50 + 0.02 * at.row - 0.01 * at.col + noise(random),
                        48 - 0.005 * at.row + 0.03 * at.col + noise(random)};
    if (i % 3 == 0) sample.row += 3 + static_cast<double>(random() % 10);
    samples.push_back(sample);
  }
  const auto fit = fit_origin(samples);
  REQUIRE(fit);
  CHECK(fit->row[0] == Approx(50).margin(0.02));
  CHECK(fit->row[1] == Approx(0.02).margin(0.001));
  CHECK(fit->row[2] == Approx(-0.01).margin(0.001));
  CHECK(fit->col[2] == Approx(0.03).margin(0.001));
  CHECK(fit->outliers >= 130);
  CHECK_FALSE(fit_origin({}).has_value());
  // One row of positions fixes no slope along the rows; a few positions fix none at all.
  std::vector<OriginSample> line(samples.begin(), samples.begin() + 20);
  CHECK(fit_origin(line)->row[1] == 0);
  CHECK(fit_origin({samples[1], samples[2]})->row[2] == 0);
}

TEST_CASE("Friedel pairs show a hidden centre") {
  BraggList disks;
  for (const auto& [row, col] : {std::pair{10.0, 3.0}, {4.0, -12.0}, {-7.0, 9.0}, {15.0, 15.0}}) {
    disks.push_back({50.3 + row, 47.6 + col, 100});
    disks.push_back({50.3 - row, 47.6 - col, 60});
  }
  disks.push_back({20, 80, 500});
  const auto centre = friedel_centre(disks, 52, 50, 8);
  REQUIRE(centre);
  CHECK(centre->qx == Approx(50.3).margin(0.2));
  CHECK(centre->qy == Approx(47.6).margin(0.2));
  CHECK_FALSE(friedel_centre({{1, 2, 3}, {4, 5, 6}}, 2, 3, 5).has_value());
}

TEST_CASE("radius and edge of the probe come out of its profile") {
  for (const double radius : {1.5, 4.0, 12.0}) {
    test::Pattern pattern;
    pattern.shape = {64, 64};
    pattern.expected.assign(64 * 64, 0.5);
    test::add_disk(pattern.expected, pattern.shape, 31.3, 32.6, 2e5 * radius * radius / 9, radius, 1);
    std::mt19937_64 random(1);
    test::draw_counts(pattern, random);
    RadialProfile profile(30, 0.25);
    profile.add(pattern.view(), 31.3, 32.6, {});
    const auto fit = fit_probe(profile, 1.3 * radius);
    REQUIRE(fit);
    CHECK(fit->radius_px == Approx(radius).margin(0.12));
    CHECK(fit->edge_px == Approx(1.2).margin(0.3));
  }
  RadialProfile empty(30, 0.25);
  CHECK_FALSE(fit_probe(empty, 3).has_value());
}

TEST_CASE("ellipse and pixel size of a known crystal are met to 0.2 %") {
  const std::vector<KnownRing> rings = fcc_rings(4.08, 1.5);
  std::vector<RingVector> points = points_on(rings, 0.0162, 1.02, 35, 0.15);
  const EllipseFit ellipse = fit_ellipse(points, 5);
  REQUIRE(ellipse.found);
  CHECK(ellipse.ratio == Approx(1.02).margin(0.002));
  CHECK(ellipse.angle_deg == Approx(35).margin(3));
  undo_ellipse(points, ellipse.ratio, ellipse.angle_deg);
  const auto fit = fit_pixel_size(points, rings, 5, 0.0005, 0.2);
  REQUIRE(fit);
  CHECK(fit->pixel_size == Approx(0.0162).epsilon(0.002));
  CHECK(std::abs(fit->pixel_size - 0.0162) < 6 * fit->sigma + 1e-5);
  CHECK(fit->explained > 0.8);
}

TEST_CASE("round rings stay round and noise is no crystal") {
  const std::vector<KnownRing> rings = fcc_rings(4.08, 1.5);
  const EllipseFit ellipse = fit_ellipse(points_on(rings, 0.0162, 1.0, 0, 0.15), 5);
  CHECK((!ellipse.found || ellipse.ratio < 1.002));
  std::mt19937_64 random(9);
  std::vector<RingVector> noise;
  for (std::size_t i = 0; i < 300; ++i)
    noise.push_back({static_cast<double>(random() % 1600) / 10 - 80,
                     static_cast<double>(random() % 1600) / 10 - 80, 1, i});
  CHECK_FALSE(fit_pixel_size(noise, rings, 5, 0.0005, 0.2).has_value());
  CHECK_FALSE(fit_pixel_size({}, rings, 5, 0.0005, 0.2).has_value());
  CHECK_FALSE(fit_pixel_size(noise, {}, 5, 0.0005, 0.2).has_value());
  // The spots of one crystal in one orientation: no ellipse may be read from them.
  std::vector<RingVector> spots;
  for (std::size_t i = 0; i < 600; ++i) {
    const int h = static_cast<int>(i % 7) - 3;
    const int k = static_cast<int>(i / 7 % 7) - 3;
    spots.push_back({14.7 * h + 0.01 * static_cast<double>(random() % 20), 14.9 * k, 1, i});
  }
  CHECK_FALSE(fit_ellipse(spots, 5).found);
}

TEST_CASE("a ring pattern gives ring points, a flat image none") {
  RealImage image{{160, 160}, std::vector<double>(160 * 160)};
  for (std::size_t row = 0; row < 160; ++row)
    for (std::size_t col = 0; col < 160; ++col) {
      const double r = std::hypot(static_cast<double>(row) - 79.2, static_cast<double>(col) - 80.5);
      double value = 100 * std::exp(-r / 15);
      for (const double ring : {30.0, 42.0, 60.0}) value += 5 * std::exp(-(r - ring) * (r - ring) / 4);
      image.at(row, col) = value;
    }
  const std::vector<RingVector> points = ring_vectors(image, 79.2, 80.5, 10);
  CHECK(is_ring_pattern(points));
  std::size_t near = 0;
  for (const RingVector& point : points) {
    const double r = std::hypot(point.row, point.col);
    near += std::min({std::abs(r - 30), std::abs(r - 42), std::abs(r - 60)}) < 0.5;
  }
  CHECK(10 * near > 8 * points.size());
  CHECK(points.size() > 150);
  for (double& value : image.pixels) value = 1;
  CHECK_FALSE(is_ring_pattern(ring_vectors(image, 79.2, 80.5, 10)));
}
