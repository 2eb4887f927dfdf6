// The scan's rotation from a made-up field of centres of mass.
#include <cmath>
#include <random>

#include "core/calibrate/calibration.hpp"
#include "core/calibrate/scan_rotation.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

namespace {

// Gradient of a few bumps, seen by a detector that a calibration with this rotation sets right; with noise
// and descan.
MassField field(double rotation_deg, bool mirror, double noise) {
  const ScanShape scan{40, 50};
  MassField made{scan, std::vector<double>(scan.positions()), std::vector<double>(scan.positions())};
  Calibration c;
  c.pixel_size_inv_angstrom = 1;
  c.rotation_deg = rotation_deg;
  c.mirror = mirror;
  const PixelsToQ to_q(c);
  std::mt19937_64 random(7);
  std::normal_distribution<double> scatter(0, 1);
  for (std::uint32_t r = 0; r < scan.rows; ++r)
    for (std::uint32_t col = 0; col < scan.cols; ++col) {
      double x = 0;
      double y = 0;
      for (const auto& [br, bc] : {std::pair{9.0, 11.0}, {30.0, 14.0}, {18.0, 37.0}, {33.0, 44.0}}) {
        const double bump = std::exp(-((r - br) * (r - br) + (col - bc) * (col - bc)) / 30);
        x -= (r - br) * bump;
        y -= (col - bc) * bump;
      }
      const auto px = to_q.to_pixels({}, x, y);
      made.row[r * scan.cols + col] = 64 + px[0] + 0.02 * r + noise * scatter(random);
      made.col[r * scan.cols + col] = 63 + px[1] - 0.01 * col + noise * scatter(random);
    }
  made.row[77] = std::nan("");
  return made;
}

}  // namespace

TEST_CASE("rotation and handedness of the scan come out of the centres of mass") {
  for (const double rotation : {-70.0, -12.0, 0.0, 35.0, 88.0})
    for (const bool mirror : {false, true}) {
      const ScanRotation found = fit_scan_rotation(field(rotation, mirror, 0.1));
      CAPTURE(rotation, mirror, found.curl, found.rotation_deg);
      REQUIRE(found.found);
      CHECK(found.mirror == mirror);
      CHECK(std::abs(std::remainder(found.rotation_deg - rotation, 180)) < 2);
    }
}

TEST_CASE("noise has no rotation, nor has a field that is too small") {
  MassField noise = field(0, false, 0);
  std::mt19937_64 random(3);
  std::normal_distribution<double> scatter(0, 1);
  for (auto* list : {&noise.row, &noise.col})
    for (double& value : *list) value = scatter(random);
  CHECK_FALSE(fit_scan_rotation(noise).found);
  CHECK_FALSE(fit_scan_rotation({{2, 2}, {1, 2, 3, 4}, {1, 2, 3, 4}}).found);
  CHECK_FALSE(fit_scan_rotation({}).found);
}
