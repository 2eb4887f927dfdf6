// Where the direct beam is, over the whole scan.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/frame/error.hpp"
#include "core/frame/scan_geometry.hpp"

namespace bragglive {

struct OriginSample {
  ScanPosition at;
  double row = 0, col = 0;  // px
};

struct OriginFit {
  std::array<double, 3> row{}, col{};  // as in Calibration
  double scatter_px = 0;               // of the samples that count, per axis
  std::size_t used = 0, outliers = 0;
};

// A plane where there are at least 12 samples that span it, else a constant; samples that do not fit are left
// out.
Expected<OriginFit> fit_origin(const std::vector<OriginSample>& samples);

// The strongest disk within `radius_px` of where the beam is expected.
std::optional<BraggPeak> brightest_near(const BraggList& disks, double row, double col, double radius_px);

// For a blocked beam: the point about which most disks have a partner (Friedel pairs), within `radius_px` of
// the expected place.
std::optional<BraggPeak> friedel_centre(const BraggList& disks, double row, double col, double radius_px);

}  // namespace bragglive
