// How noisy a frame is: variance per count, found in the frame itself.
#pragma once
#include <cstdint>
#include <vector>

#include "core/detect/disk_detector.hpp"
#include "core/detect/raw_image.hpp"

namespace bragglive::detail {

struct Noise {
  double per_count = 1;  // variance of a sum of pixels per count
  double spread = 1;     // that over the variance of single pixels: above 1 where
                         // neighbours share their noise
  bool counted = true;   // single electrons: the same everywhere
};

// Three blocks of 3 x 3 pixels in line: the outer ones predict the middle one;
// and three single pixels likewise. Small blocks lie inside or outside of most
// disks; the lower third of the samples is free of their edges even in a full
// pattern. 0.186 is that quantile of chi-squared with one degree of freedom.
// Too few counts to tell: they are taken for counted electrons. `total`: counts of the frame.
template <class Pixel>
Noise noise_of(const RawImage<Pixel>& image, double total, InstructionSet set, std::vector<float>& samples);

// A camera's noise per count differs over the frame (thresholds, point spread,
// halo): the median over the ring's sectors.
template <class Pixel>
double local_noise(const DiskDetector::Plan& plan, const RawImage<Pixel>& image, int row, int col,
                   const Noise& noise);

}  // namespace bragglive::detail
