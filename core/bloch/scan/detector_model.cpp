#include "core/bloch/scan/detector_model.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive {
namespace {

Expected<void> in_range(const char* name, double value, double low, double high) {
  if (value >= low && value <= high) return {};  // NaN fails
  return fail(ErrorArea::usage, "detector: {} is {}, must lie between {} and {}", name, value, low, high);
}

Expected<void> check_defects(const DetectorModel& d) {
  const FrameShape frame = d.geometry.detector;
  for (const DetectorGap& gap : d.gaps)
    if (gap.rows == 0 || gap.cols == 0 || gap.row >= frame.rows || gap.rows > frame.rows - gap.row ||
        gap.col >= frame.cols || gap.cols > frame.cols - gap.col)
      return fail(ErrorArea::usage,
                  "detector: the gap at row {}, column {} of {}x{} pixels is empty or leaves the {}x{} frame",
                  gap.row, gap.col, gap.rows, gap.cols, frame.rows, frame.cols);
  for (std::uint32_t pixel : d.dead_pixels)
    if (pixel >= frame.pixels())
      return fail(ErrorArea::usage, "detector: dead pixel {} lies outside the frame", pixel);
  for (const HotPixel& hot : d.hot_pixels) {
    if (hot.pixel >= frame.pixels())
      return fail(ErrorArea::usage, "detector: hot pixel {} lies outside the frame", hot.pixel);
    if (auto ok = in_range("a hot pixel's mean_counts", hot.mean_counts, 0, 1e9); !ok) return ok;
  }
  return {};
}

Expected<void> check_diffuse(const DiffuseModel& m) {
  struct Range {
    const char* name;
    double value, low, high;
  };
  const Range ranges[] = {{"diffuse.inelastic_width", m.inelastic_width, 1e-4, 1},
                          {"diffuse.inelastic_cutoff", m.inelastic_cutoff, 1e-3, 10},
                          {"diffuse.thermal_b", m.thermal_b, 1e-3, 20},
                          {"diffuse.thermal_screening", m.thermal_screening, 1e-2, 5},
                          {"diffuse.amorphous_screening", m.amorphous_screening, 1e-2, 5}};
  for (const Range& r : ranges)
    if (auto ok = in_range(r.name, r.value, r.low, r.high); !ok) return ok;
  for (const AmorphousRing& ring : m.rings) {
    if (auto ok = in_range("diffuse.rings: q", ring.q, 0.01, 10); !ok) return ok;
    if (auto ok = in_range("diffuse.rings: width", ring.width, 1e-3, 5); !ok) return ok;
    if (auto ok = in_range("diffuse.rings: strength", ring.strength, 0, 100); !ok) return ok;
  }
  return {};
}

}  // namespace

Expected<void> validate(const DetectorModel& d, ScanShape scan) {
  if (auto ok = validate(d.geometry); !ok) return ok;
  if (d.pixel == PixelType::f32)
    return fail(ErrorArea::usage, "detector: counts need an integer pixel type, not float32");
  struct Range {
    const char* name;
    double value, low, high;
  };
  const Range ranges[] = {{"probe_radius_px", d.geometry.probe_radius_px, 0.25, 256},
                          {"origin_jitter_px", d.origin_jitter_px, 0, 16},
                          {"probe_edge_px", d.probe_edge_px, 0, 16},
                          {"point_spread_px", d.point_spread_px, 0, 16},
                          {"point_spread_tail", d.point_spread_tail, 0, 0.9},
                          {"point_spread_tail_px", d.point_spread_tail_px, 0.1, 16}};
  for (const Range& r : ranges)
    if (auto ok = in_range(r.name, r.value, r.low, r.high); !ok) return ok;
  if (auto ok = check_defects(d); !ok) return ok;
  if (auto ok = check_diffuse(d.diffuse); !ok) return ok;
  if (scan.rows == 0 || scan.cols == 0 || scan.positions() > k_max_scan_positions)
    return fail(ErrorArea::usage, "scan: {}x{} positions; from 1 to {} are possible", scan.rows, scan.cols,
                k_max_scan_positions);
  for (std::uint32_t row : {0U, scan.rows - 1})
    for (std::uint32_t col : {0U, scan.cols - 1}) {
      const auto o = d.geometry.origin({row, col});
      if (!(o[0] >= 0 && o[0] <= d.geometry.detector.rows - 1.0 && o[1] >= 0 &&
            o[1] <= d.geometry.detector.cols - 1.0))
        return fail(ErrorArea::usage,
                    "detector: at scan position ({}, {}) the origin ({:.1f}, {:.1f}) leaves the frame; "
                    "reduce the drift",
                    row, col, o[0], o[1]);
    }
  return {};
}

Calibration true_calibration(const DetectorModel& detector) {
  Calibration c = detector.geometry;
  auto& masked = c.masked_pixels;
  masked.insert(masked.end(), detector.dead_pixels.begin(), detector.dead_pixels.end());
  for (const HotPixel& hot : detector.hot_pixels) masked.push_back(hot.pixel);
  for (const DetectorGap& gap : detector.gaps)
    for (std::uint32_t row = gap.row; row < gap.row + gap.rows; ++row)
      for (std::uint32_t col = gap.col; col < gap.col + gap.cols; ++col)
        masked.push_back(row * c.detector.cols + col);
  std::sort(masked.begin(), masked.end());
  masked.erase(std::unique(masked.begin(), masked.end()), masked.end());
  return c;
}

}  // namespace bragglive
