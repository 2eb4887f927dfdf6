// The image of one Bragg disk on the pixel grid: aperture, soft edge and point spread, at any sub-pixel
// position.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/bloch/scan/disk_sectors.hpp"
#include "core/frame/frame_view.hpp"

namespace bragglive {

struct DiskShape {
  double radius_px = 3;  // of the aperture's image; 0 < radius <= 256
  double edge_px =
      0.3;  // width of the soft edge: 1/(1 + exp(4 (r - radius)/edge)), py4DSTEM's synthetic probe
  double point_spread_px = 0;  // standard deviation of the detector's Gaussian response
  double tail_share = 0;       // share of the electrons that a sensor scatters further: exponential in r ...
  double tail_px = 3;          // ... with this decay length
  std::array<double, 4> distortion{
      1, 0, 0, 1};  // row-major 2x2: circular disk -> its shape in (row, col), e.g. an ellipse
};

// A bank of images over the sub-pixel positions; between them the images are interpolated, which keeps sum
// and centroid exact. There is one image per direction of incidence; together they are the disk and sum to 1.
class DiskStamps {
 public:
  explicit DiskStamps(const DiskShape& shape, const DiskSectors& sectors = DiskSectors());
  // image (row-major, `frame`) += weight * this direction's part of a disk centred at (row, col), pixel
  // centres at integers; what falls outside is lost.
  void add(std::size_t sector, double row, double col, float weight, FrameShape frame,
           std::span<float> image) const noexcept;
  int reach() const { return reach_; }  // pixels from the centre that a stamp touches

 private:
  // Where the image of a direction at a sub-pixel position begins in the bank.
  std::size_t start(std::size_t sector, int step_row, int step_col) const noexcept;

  int reach_ = 0;
  int side_ = 0;             // 2 reach + 2: a centre lies between two pixels
  int steps_ = 0;            // sub-pixel positions per axis and pixel
  std::vector<float> bank_;  // [sector][step row][step column][row][column]
};

}  // namespace bragglive
