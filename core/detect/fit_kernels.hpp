// The sums over a window that a scoring step needs.
#pragma once
#include <cstddef>

#include "core/detect/disk_template.hpp"

namespace bragglive::detail {

struct FitWindow {
  const float* data = nullptr;  // counts
  const float* rest = nullptr;  // counts expected from other disks
  const float* good = nullptr;  // 1 or 0: pixels that take part
  std::size_t size = 0;         // floats, a multiple of 16
  TemplateView shape;
};

// Expected counts: background + height * (T + row * dT/drow + col * dT/dcol) + rest; weights 1 /
// max(expected, least).
struct FitPoint {
  float height = 0, background = 0, row = 0, col = 0, least = 0;
};

// Parameters in the order height, background, row, column.
struct FitSums {
  float fisher[10] = {};  // lower triangle, row by row: hh, bh, bb, rh, rb, rr, ch, cb, cr, cc
  float score[4] = {};
};

using SumFit = void (*)(const FitWindow& window, const FitPoint& point, FitSums& sums);
// Sum of counts - expected over the pixels where T exceeds `edge`.
using SumResidual = float (*)(const FitWindow& window, const FitPoint& point, float edge);

struct FitKernels {
  SumFit sum_fit;
  SumResidual sum_residual;
};
const FitKernels& fit_kernels();

}  // namespace bragglive::detail
