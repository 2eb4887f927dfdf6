// The report page of `bragglive calibrate`: one HTML file with everything in it.
#pragma once
#include <string>
#include <vector>

#include "core/calibrate/calibrator.hpp"

namespace bragglive::command {

// `rings`: of the known crystal, drawn into the histogram; may be empty.
std::string calibration_page(const CalibrationReport& report, const std::string& source,
                             const std::vector<KnownRing>& rings);

}  // namespace bragglive::command
