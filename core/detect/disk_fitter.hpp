// Positions and counts of the disks of one pattern, by fitting the probe's shape to the pixels around each.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/detect/disk_template.hpp"

namespace bragglive::detail {

struct DiskFit {
  float row = 0, col = 0;        // px
  float height = 0;              // counts per pixel where T = 1
  float background = 0;          // counts per pixel
  float by_row = 0, by_col = 0;  // slope of the background, counts per pixel and pixel; known, not fitted
  float counts = 0;              // integrated over the disk, above the background, neighbours taken off
  float height_sigma = 0;        // standard uncertainty of the height; 0: not fitted
  float start_row = 0, start_col = 0;
  bool crowded = false;  // another disk reaches into its window
};

// A padded image: pixel (row, col) at data[row * stride + col], readable one template window beyond every
// border.
template <class Pixel>
struct PaddedImage {
  const Pixel* data = nullptr;
  std::ptrdiff_t stride = 0;
  int rows = 0, cols = 0;
  const std::uint8_t* usable =
      nullptr;  // same layout, 0 = masked or outside the frame; null = every pixel of the frame
};

// Poisson maximum likelihood by scoring steps: height, background and centre are free, the weights are 1 /
// expected counts, disks near by enter with the shapes they have so far. Unbiased and, at high counts, as
// good as the Cramér-Rao bound allows.
class DiskFitter {
 public:
  DiskFitter() = default;
  DiskFitter(double radius_px, double edge_px);

  struct Scratch {
    std::vector<float> data, rest, good, shape;
  };

  // Strongest first; each fit's values are the start. Disks with neighbours are fitted a second time.
  template <class Pixel>
  void fit_all(const PaddedImage<Pixel>& image, std::span<DiskFit> fits, Scratch& scratch) const noexcept;

  const DiskTemplates& templates() const { return templates_; }

 private:
  template <class Pixel>
  void fit_one(const PaddedImage<Pixel>& image, std::span<DiskFit> fits, std::size_t which, Scratch& scratch,
               int steps) const noexcept;
  template <class Pixel>
  void find_background(const PaddedImage<Pixel>& image, std::span<DiskFit> fits,
                       std::size_t which) const noexcept;
  template <class Pixel>
  bool fill_window(const PaddedImage<Pixel>& image, std::span<const DiskFit> fits, std::size_t which, int row,
                   int col, Scratch& scratch) const noexcept;
  bool add_neighbour(const DiskFit& other, int row, int col, Scratch& scratch) const noexcept;

  DiskTemplates templates_;
  double radius_ = 0;
};

extern template void DiskFitter::fit_all(const PaddedImage<std::uint16_t>&, std::span<DiskFit>,
                                         Scratch&) const noexcept;
extern template void DiskFitter::fit_all(const PaddedImage<std::uint32_t>&, std::span<DiskFit>,
                                         Scratch&) const noexcept;

}  // namespace bragglive::detail
