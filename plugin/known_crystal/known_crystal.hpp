// A crystal that is known to be in the scan, as calibration takes it.
#pragma once
#include <string>
#include <vector>

#include "core/calibrate/calibrator.hpp"

namespace bragglive {

// Reads the CIF and puts its kinematic rings and reflections (up to 2.5 1/Å, from 0.2 % of the strongest on)
// into `config`.
Expected<void> set_known_crystal(const std::string& cif, CalibratorConfig& config);

}  // namespace bragglive
