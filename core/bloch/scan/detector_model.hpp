// A detector, and the diffuse light that every pattern carries besides its Bragg disks.
#pragma once
#include <cstdint>
#include <vector>

#include "core/calibrate/calibration.hpp"
#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"
#include "core/frame/scan_geometry.hpp"

namespace bragglive {

// One ring of an amorphous film's structure factor S(q).
struct AmorphousRing {
  double q = 0;         // 1/Å
  double width = 0;     // standard deviation, 1/Å
  double strength = 0;  // height of S(q) above 1
};

// Shapes of the diffuse intensity around the direct beam; how much of each there is, the specimen says. The
// three integrate to 1 over the plane, so that what falls beside the detector is lost as at a microscope.
struct DiffuseModel {
  // Inelastic (plasmon) scattering: 1/(q^2 + width^2), cut off by exp(-q/cutoff).
  double inelastic_width = 0.02;   // 1/Å; a few probe radii
  double inelastic_cutoff = 0.25;  // 1/Å
  // Thermal diffuse scattering: f(q)^2 (1 - exp(-2 B s^2)), s = q/2, f = 1/(q^2 + screening^2).
  double thermal_b = 0.6;          // Å^2, the crystal's Debye-Waller B
  double thermal_screening = 0.5;  // 1/Å
  // Amorphous film: S(q)/(q^2 + screening^2)^2; the default rings are those of carbon.
  double amorphous_screening = 0.45;
  std::vector<AmorphousRing> rings{{0.48, 0.07, 1.0}, {0.85, 0.10, 0.6}};
};

// A rectangle of pixels [row, row + rows) x [col, col + cols) without a sensor.
struct DetectorGap {
  std::uint32_t row = 0, col = 0, rows = 0, cols = 0;
};

struct HotPixel {
  std::uint32_t pixel = 0;  // row * cols + col
  double mean_counts = 0;   // that it adds to every frame, Poisson distributed
};

struct DetectorModel {
  Calibration geometry;  // the true one: shape, pixel size, origin, ellipse, rotation, mirror, probe radius
  PixelType pixel = PixelType::u16;
  double origin_jitter_px = 0;             // standard deviation of the beam's shift from position to position
  double probe_edge_px = 0.3;              // soft edge of the probe's disk
  double point_spread_px = 0.5;            // standard deviation of the sensor's response
  double point_spread_tail = 0;            // share of the electrons scattered further inside the sensor ...
  double point_spread_tail_px = 3;         // ... with this decay length
  std::uint32_t max_count = 0;             // a full counter; 0 = what the pixel type holds
  std::vector<DetectorGap> gaps;           // read 0
  std::vector<std::uint32_t> dead_pixels;  // read 0
  std::vector<HotPixel> hot_pixels;
  DiffuseModel diffuse;
};

// Everything in range, the origin inside the frame over the whole scan; the message names the field.
Expected<void> validate(const DetectorModel& detector, ScanShape scan);

// The calibration that a perfect calibration run would give for it: the geometry, with gaps, dead and hot
// pixels masked.
Calibration true_calibration(const DetectorModel& detector);

}  // namespace bragglive
