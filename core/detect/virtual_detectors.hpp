// Virtual detectors of one frame: sums inside circles and the centre of mass.
#pragma once
#include "core/detect/raw_image.hpp"
#include "core/detect/simd.hpp"

namespace bragglive::detail {

// Counts of the pixels whose centres lie within `radius` px of the place; 0 for a place that is not finite.
template <class Pixel>
double counts_within(const RawImage<Pixel>& image, double row, double col, double radius) noexcept;

struct MassCentre {
  double row = 0, col = 0;  // px
};
// Of all pixels that are not negative; {0, 0} for an empty frame.
template <class Pixel>
MassCentre mass_centre(const RawImage<Pixel>& image, InstructionSet set) noexcept;

}  // namespace bragglive::detail
