// Disks of any shape in one frame: Fourier correlation with the probe's image finds them, counting statistics
// decide which are kept. Some hundred frames a second: for probes that the fits of DiskDetector do not
// describe.
#pragma once
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/detect/correlation_detector.hpp"
#include "core/detect/probe_image.hpp"
#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"

namespace bragglive {

class ShapedProbe {
 public:
  struct Settings {
    double radius_px = 0;
    double min_spacing_px = 0;
    std::uint32_t edge_px = 1;
    std::size_t max_disks = 200;
    double threshold = 0;  // standard deviations
  };
  struct Scratch {
    CorrelationDetector::Scratch correlation;
    RealImage image;
    BraggList peaks;
  };

  // Fails when the probe does not fit the frame.
  static Expected<ShapedProbe> create(const ProbeImage& probe, const Settings& settings, FrameShape shape);

  // Finds disks in scratch.image, in counts, and takes them off it, the strongest first, so that what one
  // disk's shape correlates with beside it is no other disk. `variance`: of the noise, per count. Positions
  // in pixels, intensities in counts above the background; `disks` is cleared first.
  void detect(double variance, Scratch& scratch, BraggList& disks) const;

 private:
  struct Pixel {
    int row = 0, col = 0;
    double height = 0;
  };
  struct Measured {
    double row = 0, col = 0, height = 0, background = 0, significance = 0;
  };
  double sample(double row, double col) const;
  void refine(const RealImage& image, Measured& measured) const;
  Measured measure(const RealImage& image, int row, int col, double variance) const;
  void take_off(RealImage& image, double row, double col, double height) const;

  ShapedProbe(CorrelationDetector correlation, const Settings& settings)
      : correlation_(std::move(correlation)), settings_(settings) {}

  CorrelationDetector correlation_;
  Settings settings_;
  ProbeImage probe_;           // highest value 1
  std::vector<Pixel> pixels_;  // of the probe that are not dark, from its centre
  std::vector<Pixel> beside_;  // pixels of a ring around it, in eight sectors one after the other
  std::vector<std::size_t> sector_begin_;
  double area_ = 0, squares_ = 0;
};

}  // namespace bragglive
