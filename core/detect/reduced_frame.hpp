// A frame as the candidate search sees it: masked pixels replaced, blocks of
// pixels summed into cells.
#pragma once
#include <cstdint>
#include <vector>

#include "core/detect/disk_detector.hpp"
#include "core/detect/noise_level.hpp"
#include "core/detect/raw_image.hpp"
#include "core/detect/search_kernels.hpp"
#include "core/detect/virtual_detectors.hpp"

namespace bragglive::detail {

struct ReducedFrame {
  CellMap cells;                       // padded, see the plan; mirrored at the borders
  std::vector<std::uint16_t> work;     // one row of pixels
  std::vector<std::byte> patched;      // the frame with masked pixels replaced, where there are any
  std::vector<std::uint32_t> columns;  // sums, see RowStats
  std::vector<float> samples;
  const std::byte* pixels = nullptr;       // the frame's own or the patched ones
  double factor = 1;                       // counts per unit of the pixels
  double unit = 1;                         // counts per unit of the cells
  int shift = 0;                           // its logarithm
  bool clamped = false;                    // the brightest disks have flat tops in the cells
  int bright_first = 0, bright_last = -1;  // rows of cells among which these are
  double total = 0;                        // counts of the frame
  MassCentre mass;
  bool mass_known = false;  // it fell off when the frame was read
  Noise noise;
};

// Reads the frame once. Floats that are no whole numbers are scaled to use the
// numbers' range; negative values count as zero.
DetectStatus reduce_frame(const DiskDetector::Plan& plan, const FrameView& frame, ReducedFrame& out) noexcept;

// The cells of these rows alone, once more with larger units: for the disks that were clamped.
void reduce_again(const DiskDetector::Plan& plan, PixelType type, int shift, int first_row, int last_row,
                  ReducedFrame& out) noexcept;

// Fills the margin of a map of cells with its mirror image, so that a border is
// no edge.
void mirror_margin(const DiskDetector::Plan& plan, Cell* map) noexcept;

// Calls `work` with the frame's RawImage of the right pixel type.
template <class Work>
void with_pixels(const ReducedFrame& frame, FrameShape shape, PixelType type,
                 const std::vector<std::uint8_t>& usable, const Work& work) {
  const auto image = [&]<class Pixel>(Pixel) {
    return RawImage<Pixel>{frame.pixels, static_cast<int>(shape.rows), static_cast<int>(shape.cols),
                           static_cast<float>(frame.factor), usable.empty() ? nullptr : usable.data()};
  };
  switch (type) {
    case PixelType::u8:
      return work(image(std::uint8_t{}));
    case PixelType::u16:
      return work(image(std::uint16_t{}));
    case PixelType::u32:
      return work(image(std::uint32_t{}));
    case PixelType::f32:
      return work(image(float{}));
  }
}

}  // namespace bragglive::detail
