// The steps of one calibration and what they hand on to each other.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "core/calibrate/calibrator.hpp"

namespace bragglive::detail {

struct DetectedDisks {
  std::vector<BraggList> disks;  // of each frame, px
  std::vector<OriginSample> origins;
  std::size_t ring_frames = 0;  // that the detector takes for ring patterns
};

class Estimation {
 public:
  using View = std::function<FrameView(std::size_t)>;  // of a collected frame

  Estimation(const CalibratorConfig& config, ScanShape scan, const std::vector<std::uint64_t>& indices,
             View view)
      : config_(config), scan_(scan), indices_(indices), view_(std::move(view)) {}

  // Radius, edge, origin: first with a coarse radius, then with the one that the frames themselves show about
  // their fitted origins. `masked`: one flag per pixel.
  Expected<DetectedDisks> find_probe_and_origin(const std::vector<std::uint8_t>& masked);
  void collect_vectors(const DetectedDisks& detected);
  // Few disks, or frames that are ring patterns: many small crystals, perhaps.
  void rings_instead(const DetectedDisks& detected);
  // Ellipse and pixel size: from rings that have disks all around, else from the lattices of the known
  // crystal.
  Expected<void> find_shape_and_scale();
  void pick_examples(const DetectedDisks& detected);

  CalibrationReport& report() { return report_; }

 private:
  Expected<DetectedDisks> detect(double radius, double edge, double search_px) const;
  DetectedDisks beams_from_pairs(DetectedDisks detected, double search_px);
  bool find_probe_image(const std::vector<std::uint8_t>& masked);
  Expected<void> set_origin(const DetectedDisks& detected);
  bool fit_lattices();
  Expected<void> fit_rings_scale();
  double inner_px() const;

  const CalibratorConfig& config_;
  ScanShape scan_;
  const std::vector<std::uint64_t>& indices_;
  View view_;
  CalibrationReport report_;
};

}  // namespace bragglive::detail
