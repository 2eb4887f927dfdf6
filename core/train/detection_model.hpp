// What a microscope and disk detection make of a simulated spot list: training noise that looks like
// detection.
#pragma once
#include <cstdint>
#include <string>

#include "core/bloch/scan/counter_random.hpp"
#include "core/detect/bragg_list.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

// A number drawn anew for every pattern, uniform or (logarithmic) uniform in its logarithm.
struct Range {
  double low = 0, high = 0;
  bool logarithmic = false;
  double draw(CounterRandom& random) const;
};

// Applied in this order. Everything at its default changes nothing.
struct DetectionModel {
  bool rotate = false;         // by any angle, mirrored half the time
  Range pixel_size_error;      // relative; the same for all spots of a pattern
  Range ellipticity;           // relative difference of the two axes, any direction
  Range centre_error;          // 1/Å, any direction
  Range intensity_error;       // relative, log-normal
  Range threshold;             // of the incident beam: weaker spots are lost
  Range q_max{2.5, 2.5};       // 1/Å: spots beyond are off the detector
  Range spot_limit{1e9, 1e9};  // strongest kept
  Range spacing;               // 1/Å: of two spots closer than this the stronger is found
  Range position_error;        // 1/Å, along each axis
  Range spurious;              // expected number of spots that are none, as strong as the weakest tenth
  double masked_centre = 0;    // share of patterns without the direct beam
  double calibrated =
      0;  // share of patterns that pixel size, ellipticity, centre and spurious spots leave alone
};

// none; field (design.md §3: 0.003 1/Å, spots below 5e-4 lost, intensities off by 10 %, rotated and
// mirrored); detector (what the live engine meets: all of the above over wide ranges).
Expected<DetectionModel> detection_preset(const std::string& name);

// `peaks` in 1/Å, incident beam = 1, direct beam included. The same `random` gives the same result.
void apply_detection(const DetectionModel& model, CounterRandom& random, BraggList& peaks);

}  // namespace bragglive
