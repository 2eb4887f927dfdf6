// The three diffuse shapes of a detector model as images that follow the moving origin.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "core/bloch/scan/detector_model.hpp"

namespace bragglive {

struct DiffuseShares {
  double inelastic =
      0;  // electrons of the pattern that were scattered so, whether or not they hit the detector
  double thermal = 0;
  double amorphous = 0;
};

class DiffuseBackground {
 public:
  // `to_q`: row-major 2x2, pixels from the origin -> 1/Å. `margin_px`: the largest shift of the origin from
  // `centre`.
  DiffuseBackground(const DetectorModel& detector, const std::array<double, 4>& to_q,
                    std::array<double, 2> centre, double margin_px);
  // image (row-major, the detector's shape) = background for this origin; overwrites. Shifts beyond the
  // margin are clamped.
  void fill(std::array<double, 2> origin, const DiffuseShares& electrons,
            std::span<float> image) const noexcept;

 private:
  FrameShape frame_;
  std::array<double, 2> centre_{};
  int margin_ = 0;
  std::size_t stride_ = 0;
  std::array<std::vector<float>, 3> shapes_;  // share of the electrons per pixel
};

}  // namespace bragglive
