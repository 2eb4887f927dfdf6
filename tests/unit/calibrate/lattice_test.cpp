// Ellipse, keystone and pixel size from few orientations of a known crystal: made-up lattices, and real
// scans.
#include <algorithm>
#include <fstream>
#include <random>

#include "core/calibrate/calibrator.hpp"
#include "core/calibrate/lattice_scale.hpp"
#include "tests/catch.hpp"
#include "tests/shared_data.hpp"

using namespace bragglive;

namespace {

// Reflections of a face-centred cubic lattice; `diamond`: without those with h + k + l = 4 n + 2.
std::vector<KnownReflection> fcc(double a, double longest, bool diamond = false) {
  std::vector<KnownReflection> list;
  const int most = static_cast<int>(a * longest) + 1;
  for (int h = -most; h <= most; ++h)
    for (int k = -most; k <= most; ++k)
      for (int l = -most; l <= most; ++l) {
        const int n = h * h + k * k + l * l;
        if (n == 0 || (h + k) % 2 != 0 || (k + l) % 2 != 0 || std::sqrt(n) / a > longest) continue;
        if (diamond && h % 2 == 0 && (h + k + l) % 4 != 0) continue;
        list.push_back({{h / a, k / a, l / a}, std::exp(-0.1 * n)});
      }
  return list;
}

// Spots of the zone [uvw] turned by `turn`, in pixels of a detector with this calibration, with scatter, some
// missing, one wrong.
void add_frame(const std::vector<KnownReflection>& crystal, std::array<double, 3> zone, double turn,
               const Calibration& truth, std::size_t frame, std::mt19937_64& random,
               std::vector<RingVector>& vectors) {
  std::normal_distribution<double> noise(0, 0.08);
  std::uniform_real_distribution<double> unit(0, 1);
  const double length = std::hypot(zone[0], zone[1], zone[2]);
  std::array<double, 3> e1{zone[1] - zone[2], zone[2] - zone[0], zone[0] - zone[1]};
  if (std::hypot(e1[0], e1[1], e1[2]) < 1e-9) e1 = {1, -1, 0};
  const double l1 = std::hypot(e1[0], e1[1], e1[2]);
  std::array<double, 3> e2{};
  for (std::size_t i = 0; i < 3; ++i)
    e2[i] = (zone[(i + 1) % 3] * e1[(i + 2) % 3] - zone[(i + 2) % 3] * e1[(i + 1) % 3]) / l1 / length;
  const PixelsToQ to_q(truth);
  for (const KnownReflection& r : crystal) {
    if (std::abs(r.g[0] * zone[0] + r.g[1] * zone[1] + r.g[2] * zone[2]) > 1e-6) continue;
    const double x = (r.g[0] * e1[0] + r.g[1] * e1[1] + r.g[2] * e1[2]) / l1;
    const double y = r.g[0] * e2[0] + r.g[1] * e2[1] + r.g[2] * e2[2];
    if (unit(random) < 0.35) continue;
    const auto px =
        to_q.to_pixels({}, x * std::cos(turn) - y * std::sin(turn), x * std::sin(turn) + y * std::cos(turn));
    if (std::hypot(px[0], px[1]) > 68) continue;
    vectors.push_back({px[0] + noise(random), px[1] + noise(random), 1, frame, frame});
  }
  vectors.push_back({60 * unit(random) - 30, 40 + 20 * unit(random), 1, frame, frame});
}

Calibration stretched() {
  Calibration c;
  c.detector = {144, 144};
  c.pixel_size_inv_angstrom = 0.0318;
  c.ellipse_ratio = 1.055;
  c.ellipse_angle_deg = -80;
  c.probe_radius_px = 3;
  return c;
}

}  // namespace

TEST_CASE("two orientations of a known crystal give pixel size, ellipse and keystone") {
  const auto crystal = fcc(4.212, 2.5);
  Calibration truth = stretched();
  for (const bool keystone : {false, true}) {
    if (keystone) truth.keystone = {3e-5, 2.4e-4};
    std::mt19937_64 random(4);
    std::vector<RingVector> vectors;
    for (std::size_t frame = 0; frame < 40; ++frame)
      add_frame(crystal, frame < 25 ? std::array<double, 3>{0, 0, 1} : std::array<double, 3>{1, 1, 0},
                frame < 25 ? 0.3 : 1.9, truth, frame, random, vectors);
    const auto fit = fit_lattice_scale(vectors, crystal, 6, 0.0005, 0.2, true);
    REQUIRE(fit);
    CHECK(fit->pixel_size.pixel_size == Approx(truth.pixel_size_inv_angstrom).epsilon(0.003));
    CHECK(std::abs(fit->pixel_size.pixel_size - truth.pixel_size_inv_angstrom) <
          6 * fit->pixel_size.sigma + 2e-5);
    CHECK(fit->ellipse.ratio == Approx(truth.ellipse_ratio).margin(0.003));
    CHECK(fit->ellipse.angle_deg == Approx(truth.ellipse_angle_deg).margin(3));
    CHECK(fit->keystone[1] == Approx(truth.keystone[1]).margin(3e-5));
    CHECK(fit->lattices == 2);
    CHECK(fit->frames > 30);
    CHECK(fit->pixel_size.explained > 0.85);
  }
}

TEST_CASE("one orientation without an ellipse stays round; noise and the wrong list are refused") {
  const auto silicon = fcc(5.431, 2.5, true);
  Calibration truth = stretched();
  truth.ellipse_ratio = 1;
  truth.pixel_size_inv_angstrom = 0.0158;
  std::mt19937_64 random(8);
  std::vector<RingVector> vectors;
  add_frame(silicon, {1, 1, 0}, 0.7, truth, 0, random, vectors);
  for (std::size_t i = 0; i < vectors.size(); ++i) vectors[i].group = i;
  const auto fit = fit_lattice_scale(vectors, silicon, 6, 0.0005, 0.2, true);
  REQUIRE(fit);
  CHECK(fit->pixel_size.pixel_size == Approx(0.0158).epsilon(0.003));
  CHECK(fit->ellipse.ratio < 1.006);
  CHECK(fit->keystone == std::array<double, 2>{});
  CHECK(fit_lattice_scale(vectors, silicon, 6, 0.0005, 0.2, false)->ellipse.ratio == 1);
  CHECK_FALSE(fit_lattice_scale(vectors, {}, 6, 0.0005, 0.2, true).has_value());
  CHECK_FALSE(fit_lattice_scale({}, silicon, 6, 0.0005, 0.2, true).has_value());
  std::vector<RingVector> noise;
  for (std::size_t i = 0; i < 12; ++i)
    noise.push_back({double(random() % 1200) / 10 - 60, double(random() % 1200) / 10 - 60, 1, i, 0});
  CHECK_FALSE(fit_lattice_scale(noise, silicon, 6, 0.0005, 0.2, true).has_value());
}

TEST_CASE("a keystone goes there and back, and is refused where it would reach infinity") {
  Calibration c = stretched();
  c.keystone = {1e-4, -3e-4};
  c.origin_row = {70, 0.1, 0};
  c.origin_col = {74, 0, 0};
  const ScanPosition at{3, 4};
  for (const auto& [row, col] : {std::pair{5.0, 140.0}, {100.0, 20.0}}) {
    BraggList peaks{{row, col, 1}};
    PixelsToQ(c).apply(at, peaks);
    const auto back = PixelsToQ(c).to_pixels(at, peaks[0].qx, peaks[0].qy);
    CHECK(back[0] == Approx(row).margin(1e-9));
    CHECK(back[1] == Approx(col).margin(1e-9));
  }
  const auto again = calibration_from_toml(to_toml(c), "c.toml");
  REQUIRE(again);
  CHECK(again->keystone == c.keystone);
  c.keystone[0] = 0.01;
  CHECK_FALSE(validate(c).has_value());
}

// Convergent-beam disks with dynamical contrast inside, one frame each. The recordings' own tables of camera
// lengths are far off; {111} and {200} disks say the pixel size twice.
TEST_CASE("the silicon recordings are calibrated on their own lattice") {
  struct Recording {
    const char* file;
    double radius, px111;
  };
  for (const Recording& recording : {Recording{"data/real/si110_200kV_CL380mm.mib", 17, 64.7},
                                     Recording{"data/real/si110_80kV_CL300mm.mib", 11.2, 75.7}}) {
    if (!test::have_shared(recording.file)) continue;
    std::ifstream in(test::shared_path(recording.file), std::ios::binary);
    in.seekg(384);
    std::vector<char> bytes(2 * 256 * 256);
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    REQUIRE(in);
    std::vector<std::uint16_t> frame(256 * 256);
    for (std::size_t i = 0; i < frame.size(); ++i)
      frame[i] = static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[2 * i]) << 8 |
                                            static_cast<unsigned char>(bytes[2 * i + 1]));
    CalibratorConfig config;
    config.reflections = fcc(5.431, 2.5, true);
    auto calibrator = Calibrator::create(config, {256, 256}, PixelType::u16, {1, 1});
    REQUIRE(calibrator);
    calibrator->add(0, {frame.data(), {256, 256}, PixelType::u16});
    const auto report = calibrator->finish();
    REQUIRE(report);
    CHECK(report->calibration.probe_radius_px == Approx(recording.radius).margin(1));
    // {111} of silicon, 3.1356 Å.
    CHECK(report->calibration.pixel_size_inv_angstrom * recording.px111 == Approx(1 / 3.1356).epsilon(0.01));
  }
}
