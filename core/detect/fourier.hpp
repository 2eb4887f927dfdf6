// Real two-dimensional Fourier transforms, double precision.
#pragma once
#include <complex>
#include <vector>

#include "core/detect/probe_kernel.hpp"

namespace bragglive::detail {

// Columns 0 .. cols/2 of the transform of a real image (the rest follows by symmetry), row-major.
void forward(const RealImage& image, std::vector<std::complex<double>>& half);
// The inverse, divided by the number of pixels.
void backward(const std::vector<std::complex<double>>& half, RealImage& image);

}  // namespace bragglive::detail
