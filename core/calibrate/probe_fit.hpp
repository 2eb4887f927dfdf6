// Radius and edge of the undiffracted disk, from many frames about their fitted origins.
#pragma once
#include <vector>

#include "core/detect/probe_image.hpp"
#include "core/detect/probe_kernel.hpp"
#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"

namespace bragglive {

// Mean counts against the distance from the centre.
class RadialProfile {
 public:
  RadialProfile(double longest_px, double step_px);
  // `masked`: one flag per pixel (1 = leave out), or empty.
  void add(const FrameView& frame, double centre_row, double centre_col,
           const std::vector<std::uint8_t>& masked);
  double step() const { return step_; }
  std::size_t bins() const { return sum_.size(); }
  double radius(std::size_t bin) const;  // mean distance of the pixels in it
  double mean(std::size_t bin) const { return pixels_[bin] > 0 ? sum_[bin] / pixels_[bin] : 0; }
  double pixels(std::size_t bin) const { return pixels_[bin]; }

 private:
  double step_;
  std::vector<double> sum_, distance_, pixels_;
};

struct ProbeFit {
  double radius_px = 0;
  double edge_px = 0;  // w of 1 / (1 + exp(4 (r - R) / w))
};

// Least squares of background + height / (1 + exp(4 (r - R) / w)) to the profile out to 2 guesses + 3 px.
Expected<ProbeFit> fit_probe(const RadialProfile& profile, double radius_guess_px);

// The connected region around the maximum of a slightly smoothed mean image, down to half of it: coarse, but
// it needs no flat top and does not mind other disks. Where a large disk is bright on one side only
// (dynamical contrast), down to the level at which the region grows least. Fails when the image is empty.
Expected<ProbeSize> coarse_probe(RealImage image);

// Mean image of the undiffracted disk: windows of 2 half + 1 pixels about the origins, each moved by whole
// pixels.
class ProbeMean {
 public:
  explicit ProbeMean(std::uint32_t half);
  void add(const FrameView& frame, double centre_row, double centre_col,
           const std::vector<std::uint8_t>& masked);
  // Background (that of the darker half of the window's rim) taken off, highest value 1; empty when nothing
  // is left.
  ProbeImage image() const;

 private:
  std::uint32_t side_;
  std::vector<double> sum_, pixels_;
};

}  // namespace bragglive
