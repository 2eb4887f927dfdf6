// Positions and counts of the disks of one pattern, by fitting the probe's
// shape to the pixels around each.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/detect/disk_template.hpp"
#include "core/detect/fit_kernels.hpp"
#include "core/detect/raw_image.hpp"

namespace bragglive::detail {

class Halo;

struct DiskFit {
  float row = 0, col = 0;  // px
  float height = 0;        // counts per pixel where T = 1
  float background = 0;    // counts per pixel
  float by_row = 0,
        by_col = 0;        // slope of the background, counts per pixel and pixel
  float counts = 0;        // integrated over the disk, above the background, neighbours taken off
  float height_sigma = 0;  // standard uncertainty of the height; 0: not fitted
  float start_row = 0, start_col = 0;
  double significance = 0;  // of a placed one
  bool placed = false;      // the start is the place: only the counts are summed
  bool crowded = false;     // another disk reaches into its window
  // What the search knows about it.
  float sharp = 0;   // counts above the ring close around it
  float curved = 0;  // counts that the background may have more under the disk than beside it
  float off_counts = 0,
        off_pixels = 0;  // background beside it, in counts and pixels; 0: not known
  // The disk's own pixels, at the fitted place.
  DiskPixels on;
};

// Poisson maximum likelihood by scoring steps: height, background and centre
// are free, the weights are 1 / expected counts, disks near by enter with the
// shapes they have so far; the slope of the background is taken from the pixels
// around. Unbiased and, at high counts, as good as the Cramér-Rao bound allows.
class DiskFitter {
 public:
  DiskFitter() = default;
  // `start_px`: how far off the starts may be.
  DiskFitter(double radius_px, double edge_px, double start_px, InstructionSet set);

  struct Scratch {
    std::vector<float> data, rest, good, shape;
  };

  // Strongest first; each fit's values are the start.
  template <class Pixel>
  void fit_all(const RawImage<Pixel>& image, std::span<DiskFit> fits, Scratch& scratch) const noexcept;
  // Once more for those with neighbours, whose shapes are known now; with a halo for all.
  template <class Pixel>
  void fit_again(const RawImage<Pixel>& image, const Halo* halo, std::span<DiskFit> fits,
                 Scratch& scratch) const noexcept;

  const DiskTemplates& templates() const { return templates_; }

 private:
  template <class Pixel>
  void fit_one(const RawImage<Pixel>& image, std::span<DiskFit> fits, std::size_t which, Scratch& scratch,
               bool again, const Halo* halo) const noexcept;
  template <class Pixel>
  const float* copy_window(const RawImage<Pixel>& image, int row, int col, Scratch& scratch) const noexcept;
  bool add_neighbours(std::span<const DiskFit> fits, std::size_t which, int row, int col,
                      Scratch& scratch) const noexcept;
  void add_neighbour(const DiskFit& other, int row, int col, Scratch& scratch) const noexcept;
  void find_slope(const FitWindow& window, DiskFit& fit) const noexcept;
  void add_halo(const Halo& halo, const FitWindow& window, int row, int col, DiskFit& fit,
                Scratch& scratch) const noexcept;
  // The probe's shape for a centre off the window's middle: `row`, `col` keep what is left to it.
  TemplateView exact(float& row, float& col, float* out) const noexcept;
  TemplateView nearest(float& row, float& col, float* out) const noexcept;
  WindowPlaces places() const { return {templates_.row_of(), templates_.col_of()}; }
  void add_slope(const DiskFit& fit, int row, int col, Scratch& scratch) const noexcept;

  DiskTemplates templates_;
  const FitKernels* kernels_ = nullptr;
  double radius_ = 0, start_px_ = 0;
};

}  // namespace bragglive::detail
