// A calibration from the scan itself: collects some of its frames, then estimates everything in one go.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/calibrate/calibration.hpp"
#include "core/calibrate/origin_fit.hpp"
#include "core/calibrate/pixel_size.hpp"
#include "core/calibrate/probe_fit.hpp"
#include "core/calibrate/ring_fit.hpp"
#include "core/calibrate/scan_rotation.hpp"
#include "core/detect/probe_kernel.hpp"
#include "core/frame/frame_view.hpp"

namespace bragglive {

struct CalibratorConfig {
  std::size_t max_frames = 600;  // spread evenly over the scan
  std::size_t max_bytes = std::size_t{384} << 20;
  double probe_radius_px = 0;                             // 0 = found
  double pixel_size = 0;                                  // 1/Å per pixel; 0 = from the known crystal
  double pixel_size_low = 0.0005, pixel_size_high = 0.2;  // where to look for it
  std::vector<KnownRing> known;                           // of the known crystal; empty = none
  std::vector<KnownReflection> reflections;               // of it, too; without them only its rings are used
  double voltage_kv = 300;
  double scan_step_nm = 0;
  bool find_ellipse = true;
  bool find_rotation = true;
};

struct CalibrationReport {
  Calibration calibration;
  bool pixel_size_known = false;  // false: nothing said how large a pixel is; the calibration says 0
  RealImage mean;                 // of the collected frames
  std::size_t frames = 0;
  std::uint64_t positions = 0;
  double probe_edge_px = 0;
  double disk_likeness = 1;  // see probe_image.hpp; 1 where the probe is too small to tell
  OriginFit origin;
  std::vector<OriginSample> origins;
  EllipseFit ellipse;
  ScanRotation rotation;
  std::optional<PixelSizeFit> pixel_size;
  bool from_rings = false;          // vectors are ring points of the mean image instead of disks
  std::vector<RingVector> vectors;  // pixels from the origin, the ellipse undone
  std::vector<std::string> notes;   // one line each, for a person
  // The three collected frames with most disks.
  struct Example {
    ScanPosition at;
    RealImage image;
    BraggList disks_px;
  };
  std::vector<Example> examples;
};

class Calibrator {
 public:
  // Fails on impossible shapes.
  static Expected<Calibrator> create(const CalibratorConfig& config, FrameShape frame, PixelType pixel,
                                     ScanShape scan);

  // Is this position one of those wanted? (Cheap: lets a caller skip the decoding of the others.)
  bool wants(std::uint64_t scan_index) const { return scan_index % stride_ == 0; }
  // Keeps a copy. Frames that are not wanted, of another shape or beyond the memory limit are ignored.
  void add(std::uint64_t scan_index, const FrameView& frame);
  // Only the centre of mass of any frame, for the rotation of the scan: neighbours are needed.
  void add_mass(std::uint64_t scan_index, const FrameView& frame);
  std::size_t frames() const { return indices_.size(); }

  // Everything from what was collected. Fails when no direct beam can be found, or the known crystal does not
  // fit.
  Expected<CalibrationReport> finish() const;

 private:
  FrameView view(std::size_t i) const;
  RealImage mean_of(const std::vector<std::uint8_t>& masked) const;

  CalibratorConfig config_;
  FrameShape frame_;
  PixelType pixel_ = PixelType::u16;
  ScanShape scan_;
  std::uint64_t stride_ = 1;
  std::size_t limit_ = 0;
  std::vector<std::uint64_t> indices_;
  std::vector<std::byte> pixels_;
  MassField mass_;
};

}  // namespace bragglive
