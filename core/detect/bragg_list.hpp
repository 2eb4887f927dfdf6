// The Bragg disks of one pattern.
#pragma once
#include <vector>

namespace bragglive {

// Before calibration qx, qy are detector pixels (qx = row, qy = column, pixel centres at integers);
// after calibration they are 1/Å from the origin, without 2π. Which of the two is said by the function
// that hands the list out. Intensity: integrated counts from a detector, or incident beam = 1 from a
// simulation.
struct BraggPeak {
  double qx = 0;
  double qy = 0;
  double intensity = 0;
};

// Reused between frames: clear() keeps the capacity, so the live path does not allocate after warm-up.
using BraggList = std::vector<BraggPeak>;

}  // namespace bragglive
