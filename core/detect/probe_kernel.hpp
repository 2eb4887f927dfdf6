// Probe images and the correlation kernels made from them. Formulas: py4DSTEM (Savitzky et al., Microsc.
// Microanal. 27 (2021) 712), as checked against its outputs.
#pragma once
#include <array>
#include <vector>

#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"

namespace bragglive {

// Row-major image of doubles.
struct RealImage {
  FrameShape shape;
  std::vector<double> pixels;
  double& at(std::size_t row, std::size_t col) { return pixels[row * shape.cols + col]; }
  double at(std::size_t row, std::size_t col) const { return pixels[row * shape.cols + col]; }
};

// Numbers of any pixel type as doubles.
RealImage to_real(const FrameView& frame);

// 1 / (1 + exp(4 (r - radius) / width)), r in pixels from (rows / 2, cols / 2).
RealImage synthetic_probe(FrameShape shape, double radius_px, double width_px);

struct ProbeSize {
  double radius_px = 0;
  double row = 0, col = 0;
};
// Radius and centre of the one bright disk of a vacuum or mean image: r(t) = sqrt(count above t / pi) for 100
// thresholds t from 1 % to 99 % of the maximum; the mean over the flat part of r(t); centre = centroid above
// its mean threshold.
Expected<ProbeSize> measure_probe(const RealImage& image);

// A mean image of the vacuum made into a probe: everything farther from the disk than `expansion_px` is cut
// off softly (cos^2).
Expected<RealImage> vacuum_probe(const RealImage& mean_image, double threshold = 0.2,
                                 double expansion_px = 12);

enum class KernelMode { flat, gaussian, sigmoid };

struct KernelConfig {
  KernelMode mode = KernelMode::sigmoid;
  double sigma = 3;               // gaussian: width of what is subtracted, in widths of the probe
  std::array<double, 2> radii{};  // sigmoid: inner and outer radius of what is subtracted, px
};

// Probe moved to pixel (0, 0), normalised to sum 1, edge-subtracted to sum 0 unless flat.
Expected<RealImage> make_kernel(const RealImage& probe, double centre_row, double centre_col,
                                const KernelConfig& config);

}  // namespace bragglive
