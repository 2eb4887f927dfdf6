// Bragg-disk detection by Fourier correlation with a probe kernel, as py4DSTEM does it: the reference for the
// fast path, and the choice where a probe has too much structure for it.
#pragma once
#include <complex>
#include <memory>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/detect/probe_kernel.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

enum class Subpixel { pixel, poly, multicorr };

struct CorrelationConfig {
  double corr_power = 1;  // 1 cross, 0 phase, between: hybrid correlation
  double sigma_dp = 0;    // Gaussian smoothing of the pattern, px; 0 = off
  double sigma_cc = 2;    // Gaussian smoothing of the correlation map, px; 0 = off
  Subpixel subpixel = Subpixel::multicorr;
  int upsample_factor = 16;     // of multicorr, >= 2
  double min_absolute = 0;      // smallest value of the correlation map
  double min_relative = 0.005;  // relative to the peak number `relative_to`
  std::size_t relative_to = 0;
  double min_spacing_px = 60;  // the stronger of two peaks nearer than this stays
  std::uint32_t edge_px = 20;  // >= 1
  std::size_t max_peaks = 70;
};

class CorrelationDetector {
 public:
  struct Scratch {
    std::vector<std::complex<double>> spectrum;
    RealImage pattern, map, smooth;
  };

  // `kernel`: of the frames' shape, see make_kernel.
  static Expected<CorrelationDetector> create(const CorrelationConfig& config, const RealImage& kernel);

  // Peaks in detector pixels, intensity = value of the correlation map, strongest first. Fails when the shape
  // differs or a pixel is not finite. Allocates inside the transforms: not for the live path.
  Expected<void> detect(const RealImage& pattern, Scratch& scratch, BraggList& peaks) const;

  const CorrelationConfig& config() const { return config_; }

 private:
  CorrelationDetector() = default;
  CorrelationConfig config_;
  FrameShape shape_;
  std::vector<std::complex<double>> kernel_;  // conjugate of its transform
};

// Gaussian truncated at 4 sigma, mirrored at the border (d c b a | a b c d | d c b a).
void gaussian_smooth(RealImage& image, double sigma_px, RealImage& scratch);

}  // namespace bragglive
