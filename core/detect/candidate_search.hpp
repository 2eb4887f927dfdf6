// Where disks may be: local maxima of disk sums on the reduced frame that the
// background around them cannot explain.
#pragma once
#include <cstdint>
#include <vector>

#include "core/detect/disk_detector.hpp"
#include "core/detect/disk_fitter.hpp"
#include "core/detect/reduced_frame.hpp"
#include "core/detect/wide_background.hpp"

namespace bragglive::detail {

struct SearchScratch {
  CellMap columns, sums, sharp;
  std::vector<std::uint16_t> found;
  WideBackground wide;
  std::vector<DiskFit> candidates;
  struct Rank {
    float sharp, row, col;
    std::uint32_t which;
  };
  std::vector<Rank> ranks;  // of the candidates, the best fitting (largest `sharp`) first
};

// Fills scratch.candidates with the starts of fits and scratch.ranks with their order. The test is loose: it
// must not lose what is_disk would keep. Where bright disks were clamped the cells are made again, in larger
// units.
void find_candidates(const DiskDetector::Plan& plan, PixelType type, ReducedFrame& frame,
                     SearchScratch& scratch) noexcept;

void sort_ranks(SearchScratch& scratch) noexcept;

// The strict test, at the fitted place and with the disk's own pixels.
// `variance`: of the noise, per count.
bool is_disk(const DiskDetector::Plan& plan, const DiskFit& fit, double variance) noexcept;

}  // namespace bragglive::detail
