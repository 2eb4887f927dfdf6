// What turns detector pixels into scattering vectors: a value that is saved, loaded, shown and applied.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/detect/probe_image.hpp"
#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"
#include "core/frame/scan_geometry.hpp"

namespace bragglive {

// q = R(rotation) · F · E · v · pixel_size with v = d / (1 + keystone · d), d = p - origin(scan), p = (row,
// col); the keystone is that of a camera that looks at a screen at an angle, E undoes the ellipse, F mirrors
// qy.
struct Calibration {
  FrameShape detector;                 // frames of another shape are refused
  double pixel_size_inv_angstrom = 0;  // 1/Å per pixel; 0 = not known: pixels cannot become 1/Å
  double pixel_size_sigma = 0;         // standard uncertainty of it, 1/Å per pixel; 0 = not known
  // Origin in pixels: row = origin_row[0] + origin_row[1] * scan_row + origin_row[2] * scan_col; column
  // likewise.
  std::array<double, 3> origin_row{};
  std::array<double, 3> origin_col{};
  double probe_radius_px = 0;        // radius of the undiffracted disk
  ProbeImage probe;                  // what that disk looks like where it is no evenly lit disk; else empty
  double ellipse_ratio = 1;          // long / short axis of a ring, >= 1
  double ellipse_angle_deg = 0;      // direction of the long axis, from +row towards +column
  std::array<double, 2> keystone{};  // 1/px along rows and columns; how the scale changes over the detector
  double rotation_deg = 0;           // scan against detector; turns (qx, qy)
  bool mirror = false;               // detector mirrored: qy changes sign before the rotation
  double voltage_kv = 300;
  double scan_step_nm = 0;                   // 0 = not known: no scale bar
  std::vector<std::uint32_t> masked_pixels;  // row * cols + col

  std::array<double, 2> origin(ScanPosition at) const {
    return {origin_row[0] + origin_row[1] * at.row + origin_row[2] * at.col,
            origin_col[0] + origin_col[1] * at.row + origin_col[2] * at.col};
  }
};

// Everything in range; the message names the field.
Expected<void> validate(const Calibration& calibration);
// Fails where the pixel size is not known, and says how to get it. `where` names the calibration.
Expected<void> require_pixel_size(const Calibration& calibration, const std::string& where);

// Text of the TOML file; the field names are those above.
std::string to_toml(const Calibration& calibration);
Expected<Calibration> calibration_from_toml(const std::string& text, const std::string& where);
Expected<Calibration> load_calibration(const std::filesystem::path& file);
Expected<void> save_calibration(const Calibration& calibration, const std::filesystem::path& file);
// 16 hexadecimal digits over the TOML text: goes into every result.
std::string checksum(const Calibration& calibration);

// Pixels to 1/Å in place, for a pattern taken at `at`.
class PixelsToQ {
 public:
  explicit PixelsToQ(const Calibration& calibration);
  void apply(ScanPosition at, BraggList& peaks) const noexcept;
  // The way back, for drawing: 1/Å to (row, col) in pixels.
  std::array<double, 2> to_pixels(ScanPosition at, double qx, double qy) const noexcept;

 private:
  Calibration calibration_;
  std::array<double, 4> matrix_{};  // row-major: pixels from the origin -> 1/Å
  std::array<double, 4> inverse_{};
};

}  // namespace bragglive
