// What a detector works out once from its settings.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "core/detect/disk_detector.hpp"
#include "core/detect/disk_fitter.hpp"
#include "core/detect/disk_kernels.hpp"

namespace bragglive {

struct DiskDetector::Plan {
  DiskDetectorConfig config;
  FrameShape shape;

  // Padded maps: pixel (0, 0) lies at `origin`, `cells` elements in all.
  int pad = 0;
  std::size_t stride = 0, origin = 0, cells = 0;

  std::vector<int> levels, disk_levels, outer_levels;  // see DiskRuns
  float ring_weight = 0;
  std::vector<std::ptrdiff_t> disk;  // its pixels as offsets in a padded map
  int edge = 0;
  double spacing = 0;
  double threshold = 0;  // standard deviations
  int pair_distance = 0, pair_diagonal = 0;

  struct RingPixel {
    int row = 0, col = 0;
  };
  static constexpr std::size_t k_sectors =
      16;                       // eight directions in an inner and an outer zone; i and i + 8 are opposite
  std::vector<RingPixel> ring;  // ordered by sector
  std::vector<std::int32_t> ring_offsets;  // the same in a padded map
  std::array<std::size_t, k_sectors + 1> sector_begin{};
  std::array<std::array<double, 2>, k_sectors / 2>
      pair_direction{};  // from a sector's opposite to the sector, px
  int ring_reach = 0;
  double sector_pixels(std::size_t sector) const {
    return static_cast<double>(sector_begin[sector + 1] - sector_begin[sector]);
  }

  struct Patch {
    std::uint32_t pixel = 0;              // row * cols + col
    std::array<std::uint32_t, 4> from{};  // sound (or already replaced) pixels around it
    std::uint32_t count = 0;
  };
  std::vector<Patch> patches;        // from the rim of each masked region inwards
  std::vector<std::uint8_t> usable;  // padded map, 0 = masked or outside the frame; empty = no mask
  std::vector<std::uint8_t>
      centre_ok;  // padded map, 0 = more than 40 % of a disk here is masked; empty = no mask

  detail::DiskFitter fitter;

  detail::DiskRuns runs() const { return {levels, disk_levels, outer_levels, ring_weight}; }
};

}  // namespace bragglive
