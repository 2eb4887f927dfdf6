// How the detector lies to the scan, from the centres of mass: a field without curl.
#pragma once
#include <vector>

#include "core/frame/scan_geometry.hpp"

namespace bragglive {

// Centre of mass of each position, px, row-major; NaN where there is none.
struct MassField {
  ScanShape scan;
  std::vector<double> row, col;
};

struct ScanRotation {
  bool found = false;  // false: the field has as much curl in every direction (no potential shows), or too
                       // few positions
  double rotation_deg = 0;  // as in Calibration, in (-90, 90]: half a turn looks the same
  bool mirror = false;
  double curl = 1;  // mean square of the curl against that of a quarter turn away; 0 = a pure gradient
};

// A phase object deflects the beam along the gradient of its potential. After turning the field by theta
// (mirrored or not) its curl is sin(theta) (dr/drow + dc/dcol) + cos(theta) (dc/drow - dr/dcol), a quadratic
// form in (cos, sin) whose smaller eigenvector is the rotation. Means of the derivatives (descan) are taken
// off.
ScanRotation fit_scan_rotation(const MassField& field);

}  // namespace bragglive
