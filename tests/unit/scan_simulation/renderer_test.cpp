#include <cmath>
#include <cstring>
#include <vector>

#include "core/bloch/scan/pattern_renderer.hpp"
#include "tests/catch.hpp"

namespace bragglive {
namespace {

DetectorModel plain_detector() {
  DetectorModel d;
  d.geometry.detector = {96, 112};
  d.geometry.pixel_size_inv_angstrom = 0.02;
  d.geometry.origin_row = {47.3, 0, 0};
  d.geometry.origin_col = {55.8, 0, 0};
  d.geometry.probe_radius_px = 2.5;
  return d;
}

PatternRenderer renderer_of(const DetectorModel& d, ScanShape scan = {4, 4}) {
  auto r = PatternRenderer::create(d, scan);
  REQUIRE(r.has_value());
  return *r;
}

std::vector<std::uint16_t> frame_of(const PatternRenderer& r, ScanPosition at, std::uint64_t seed,
                                    const PatternContent& content) {
  PatternRenderer::Scratch scratch;
  std::vector<std::byte> bytes(r.detector().geometry.detector.pixels() * 2);
  r.render(at, seed, content, scratch, bytes);
  std::vector<std::uint16_t> pixels(bytes.size() / 2);
  std::memcpy(pixels.data(), bytes.data(), bytes.size());
  return pixels;
}

struct Moments {
  double sum = 0, row = 0, col = 0;
};
Moments moments(const std::vector<float>& image, FrameShape shape) {
  Moments m;
  for (std::size_t i = 0; i < image.size(); ++i) {
    const double v = static_cast<double>(image[i]);
    m.sum += v;
    m.row += v * static_cast<double>(i / shape.cols);
    m.col += v * static_cast<double>(i % shape.cols);
  }
  m.row /= m.sum;
  m.col /= m.sum;
  return m;
}

TEST_CASE("a disk keeps its electrons and its centre at any sub-pixel position") {
  DetectorModel d = plain_detector();
  for (double radius : {0.7, 1.414, 2.5, 9.0}) {
    d.geometry.probe_radius_px = radius;
    const auto r = renderer_of(d);
    PatternRenderer::Scratch scratch;
    for (double shift = 0; shift < 1; shift += 0.13) {
      CAPTURE(radius, shift);
      const BraggPeak spot{0.2 + shift * 0.02, -0.3 + shift * 0.013, 0.25};
      const WeightedSpots crystal{{&spot, 1}, 4000, 0};
      r.expected_counts({47.3, 55.8}, {{&crystal, 1}, {}}, scratch);
      const Moments m = moments(scratch.expected, d.geometry.detector);
      CHECK(m.sum == Approx(1000).epsilon(1e-4));
      CHECK(m.row == Approx(47.3 + spot.qx / 0.02).margin(5e-3));
      CHECK(m.col == Approx(55.8 + spot.qy / 0.02).margin(5e-3));
    }
  }
}

TEST_CASE("disks are where the calibration says, with ellipse, rotation and mirror") {
  DetectorModel d = plain_detector();
  d.geometry.ellipse_ratio = 1.05;
  d.geometry.ellipse_angle_deg = 30;
  d.geometry.rotation_deg = -17;
  d.geometry.mirror = true;
  d.geometry.origin_row = {47.3, 0.5, -0.2};
  d.geometry.origin_col = {50.8, 0.1, 0.3};
  const ScanShape scan{8, 8};
  const auto r = renderer_of(d, scan);
  const ScanPosition at{5, 2};
  PatternRenderer::Scratch scratch;
  const BraggPeak spot{0.31, 0.12, 1};
  const WeightedSpots crystal{{&spot, 1}, 100, 0};
  r.expected_counts(r.origin(at, 1), {{&crystal, 1}, {}}, scratch);
  const Moments m = moments(scratch.expected, d.geometry.detector);
  const auto expected = PixelsToQ(d.geometry).to_pixels(at, spot.qx, spot.qy);
  CHECK(m.row == Approx(expected[0]).margin(5e-3));
  CHECK(m.col == Approx(expected[1]).margin(5e-3));
  BraggList peaks{{m.row, m.col, m.sum}};
  PixelsToQ(d.geometry).apply(at, peaks);
  CHECK(peaks[0].qx == Approx(spot.qx).margin(1e-4));
  CHECK(peaks[0].qy == Approx(spot.qy).margin(1e-4));
}

TEST_CASE("the soft edge and the point spread widen a disk; a tail reaches far") {
  DetectorModel d = plain_detector();
  const BraggPeak spot{0, 0, 1};
  const WeightedSpots crystal{{&spot, 1}, 1e5, 0};
  const auto peak_and_far = [&] {
    PatternRenderer::Scratch scratch;
    renderer_of(d).expected_counts({48, 56}, {{&crystal, 1}, {}}, scratch);
    return std::pair{scratch.expected[48 * 112 + 56], scratch.expected[48 * 112 + 64]};
  };
  d.point_spread_px = 0;
  const auto sharp = peak_and_far();
  d.point_spread_px = 1.5;
  const auto blurred = peak_and_far();
  CHECK(blurred.first < 0.9F * sharp.first);
  CHECK(sharp.second == 0.0F);
  d.point_spread_px = 0;
  d.point_spread_tail = 0.2;
  const auto tailed = peak_and_far();
  CHECK(tailed.first < sharp.first);
  CHECK(tailed.second > 1.0F);
}

TEST_CASE("the directions of incidence are the parts of a disk") {
  for (std::uint32_t samples : {1U, 6U, 7U, 19U, 40U}) {
    const DiskSectors sectors(samples);
    CAPTURE(samples);
    CHECK(sectors.size() == (samples < 7 ? 1 : samples < 19 ? 7 : samples < 37 ? 19 : 37));
    double sum = 0;
    for (double share : sectors.shares()) {
      CHECK(share == Approx(1.0 / static_cast<double>(sectors.size())).epsilon(0.45));
      sum += share;
    }
    CHECK(sum == Approx(1));
  }
  DetectorModel d = plain_detector();
  d.geometry.probe_radius_px = 9;
  const DiskSectors sectors(19);
  const auto parts = PatternRenderer::create(d, {1, 1}, sectors);
  REQUIRE(parts.has_value());
  const BraggPeak spot{0.1, -0.2, 1};
  std::vector<WeightedSpots> all;
  for (std::uint32_t k = 0; k < 19; ++k) all.push_back({{&spot, 1}, 1000, k});
  PatternRenderer::Scratch together, whole, one;
  parts->expected_counts({47, 55}, {all, {}}, together);
  renderer_of(d).expected_counts({47, 55}, {std::span(all).first(1), {}}, whole);
  for (std::size_t i = 0; i < whole.expected.size(); ++i)
    CHECK(together.expected[i] == Approx(whole.expected[i]).margin(1e-3));
  // A part lies where its direction points.
  for (std::size_t k : {0U, 3U, 12U}) {
    parts->expected_counts({47, 55}, {std::span(all).subspan(k, 1), {}}, one);
    const Moments m = moments(one.expected, d.geometry.detector);
    CHECK(m.sum == Approx(1000 * sectors.shares()[k]).epsilon(0.06));
    CHECK(m.row == Approx(47 + 5 + 9 * sectors.centres()[k][0]).margin(1.2));
    CHECK(m.col == Approx(55 - 10 + 9 * sectors.centres()[k][1]).margin(1.2));
  }
}

TEST_CASE("the diffuse shapes hold their electrons, follow the origin and show the carbon ring") {
  DetectorModel d = plain_detector();
  d.geometry.detector = {256, 256};
  d.geometry.pixel_size_inv_angstrom = 0.03;
  d.geometry.origin_row = {127, 1, 0};
  d.geometry.origin_col = {127, 0, 1};
  const auto r = renderer_of(d, {16, 16});
  PatternRenderer::Scratch scratch;
  r.expected_counts({127, 127}, {{}, {1000, 0, 0}}, scratch);
  CHECK(moments(scratch.expected, d.geometry.detector).sum == Approx(1000).epsilon(0.03));
  r.expected_counts({132.25, 129.5}, {{}, {1000, 0, 0}}, scratch);
  const Moments m = moments(scratch.expected, d.geometry.detector);
  CHECK(m.row == Approx(132.25).margin(0.1));
  CHECK(m.col == Approx(129.5).margin(0.1));
  r.expected_counts({127, 127}, {{}, {0, 0, 1000}}, scratch);
  const float valley = scratch.expected[127 * 256 + 127 + 3], ring = scratch.expected[127 * 256 + 127 + 14];
  CHECK(ring > valley);
}

TEST_CASE("counts follow the expectation and repeat for one seed and position only") {
  DetectorModel d = plain_detector();
  d.origin_jitter_px = 0.4;
  const auto r = renderer_of(d);
  const BraggPeak spots[] = {{0, 0, 0.6}, {0.4, 0.1, 0.1}, {-0.4, -0.1, 0.1}};
  const WeightedSpots crystal{spots, 50000, 0};
  const PatternContent content{{&crystal, 1}, {4000, 2000, 3000}};
  const auto a = frame_of(r, {1, 2}, 9, content);
  CHECK(a == frame_of(r, {1, 2}, 9, content));
  CHECK(a != frame_of(r, {2, 1}, 9, content));
  CHECK(a != frame_of(r, {1, 2}, 10, content));
  PatternRenderer::Scratch scratch;
  r.expected_counts(r.origin({1, 2}, 9), content, scratch);
  double expected = 0, counted = 0, chi2 = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double mean = static_cast<double>(scratch.expected[i]);
    expected += mean;
    counted += a[i];
    chi2 += (a[i] - mean) * (a[i] - mean) / mean;
  }
  CHECK(std::abs(counted - expected) < 5 * std::sqrt(expected));
  const double pixels = static_cast<double>(a.size());
  CHECK(std::abs(chi2 - pixels) < 6 * std::sqrt(3 * pixels));
  CHECK(r.origin({1, 2}, 9) != r.origin({1, 3}, 9));
}

TEST_CASE("gaps, dead and hot pixels and saturation appear in the frame and in the true calibration") {
  DetectorModel d = plain_detector();
  d.gaps = {{40, 0, 2, 112}};
  d.dead_pixels = {10 * 112 + 5};
  d.hot_pixels = {{20 * 112 + 7, 500}};
  d.max_count = 300;
  const auto r = renderer_of(d);
  const BraggPeak spot{0, 0, 1};
  const WeightedSpots crystal{{&spot, 1}, 1e6, 0};
  const auto frame = frame_of(r, {0, 0}, 1, {{&crystal, 1}, {0, 0, 1e6}});
  CHECK(frame[10 * 112 + 5] == 0);
  CHECK(frame[20 * 112 + 7] == 300);
  CHECK(frame[47 * 112 + 56] == 300);
  for (std::size_t col = 0; col < 112; ++col)
    CHECK((frame[40 * 112 + col] == 0 && frame[41 * 112 + col] == 0));
  const auto masked = true_calibration(d).masked_pixels;
  CHECK(masked.size() == 2 * 112 + 2);
}

TEST_CASE("an impossible detector is refused with the field's name") {
  const auto message = [](auto change) {
    DetectorModel d = plain_detector();
    change(d);
    const auto r = PatternRenderer::create(d, {100, 100});
    REQUIRE_FALSE(r.has_value());
    return r.error().message;
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(message([](DetectorModel& d) { d.geometry.origin_row = {40, 1, 0}; }), Contains("origin"));
  CHECK_THAT(message([](DetectorModel& d) { d.gaps = {{90, 0, 10, 112}}; }), Contains("gap"));
  CHECK_THAT(message([](DetectorModel& d) { d.dead_pixels = {96 * 112}; }), Contains("dead pixel"));
  CHECK_THAT(message([](DetectorModel& d) { d.point_spread_px = std::nan(""); }),
             Contains("point_spread_px"));
  CHECK_THAT(message([](DetectorModel& d) { d.pixel = PixelType::f32; }), Contains("float32"));
  CHECK_THAT(message([](DetectorModel& d) { d.diffuse.rings = {{0.5, 0, 1}}; }), Contains("width"));
}

}  // namespace
}  // namespace bragglive
