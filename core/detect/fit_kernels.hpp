// The sums over a window that fitting a disk needs.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/detect/disk_template.hpp"
#include "core/detect/simd.hpp"

namespace bragglive::detail {

// Images of a window as DiskTemplates lays them out.
struct FitWindow {
  const float* data = nullptr;  // counts
  const float* rest = nullptr;  // counts expected from other disks and from the
                                // slope of the background
  const float* good = nullptr;  // 1 or 0: pixels that take part
  std::size_t size = 0;         // floats, a multiple of 16
  TemplateView shape;
};

// Expected counts: background + height * (T + row * dT/drow + col * dT/dcol) +
// rest; weights 1 / max(expected, least).
struct FitPoint {
  float height = 0, background = 0, row = 0, col = 0, least = 0;
};

// The centre is expected at (row, col) from where it is, px, with this weight (1 / variance).
struct CentrePrior {
  float weight = 0, row = 0, col = 0;
};

// A scoring step towards the maximum of the likelihood.
struct FitStep {
  float height = 0, background = 0, row = 0, col = 0;
  float height_variance = 0;
  float information = 0;  // of the centre, per axis: 1 / px^2
};

// Over the pixels where T exceeds an edge.
struct DiskPixels {
  float pixels = 0;
  float counts = 0;    // minus what other disks put there
  float residual = 0;  // counts - expected
  float top = 0,
        second = 0;  // two of the highest pixels, those of one vector lane apart
};

// Least squares of a plane through counts - rest over the pixels of `far` (1 or
// 0) where other disks put at most `rest_most`: sums of 1, r, c, rr, rc, cc, v,
// vr, vc with r, c from the window's middle.
struct PlaneSums {
  float n = 0, r = 0, c = 0, rr = 0, rc = 0, cc = 0, v = 0, vr = 0, vc = 0;
};

// Where the pixels of a window lie: see DiskTemplates::row_of.
struct WindowPlaces {
  const float* row = nullptr;
  const float* col = nullptr;
};

struct Plane {
  float level = 0, by_row = 0, by_col = 0;  // at the window's middle, per pixel
};

// A profile about a beam: the entry at `per_px` times the distance, rounded, is the level there.
struct RadialProfile {
  const float* level = nullptr;
  int last = 0;  // entry, also farther away
  float per_px = 1;
  float row = 0, col = 0;  // from the beam to the window's middle, px
};

// Whole vectors are read from and written to: so many floats (or pixels) behind a window's last one.
constexpr std::size_t k_window_slack = 16;

// Copies the window around the pixel at `middle`, whose rows lie `pitch` pixels apart, as floats times
// `factor`, none negative.
using CopyWindow = void (*)(const std::byte* middle, std::ptrdiff_t pitch, std::span<const WindowRow> rows,
                            float factor, float* to);

struct FitKernels {
  CopyWindow copy_u8, copy_u16, copy_u32, copy_f32;
  // false: the pixels do not tell all four parameters.
  bool (*step)(const FitWindow& window, const FitPoint& point, const CentrePrior& prior, FitStep& out);
  void (*sum_disk)(const FitWindow& window, const FitPoint& point, float edge, DiskPixels& sums);
  void (*sum_plane)(const FitWindow& window, const WindowPlaces& places, const float* far, float rest_most,
                    PlaneSums& sums);
  // What the profile has at each pixel, less `middle`.
  void (*radial)(const WindowPlaces& places, const RadialProfile& profile, float middle, std::size_t size,
                 float* to);
  void (*add_plane)(const WindowPlaces& places, const Plane& plane, std::size_t size, float* to);
  // The mixed shape: three images of `size` floats.
  void (*mix)(const TemplateMix& mix, std::size_t size, float* to);
};
const FitKernels& fit_kernels(InstructionSet set);

}  // namespace bragglive::detail
