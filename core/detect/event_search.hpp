// Where disks may be in a frame of few counts: the candidate search on single electrons, at the frame's own
// resolution. Cells of several pixels are coarse for a disk of two or three counts.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "core/detect/candidate_search.hpp"
#include "core/detect/raw_image.hpp"
#include "core/detect/simd.hpp"

namespace bragglive::detail {

// The pixels that hold counts, in reading order, filled up with empty ones to a whole vector.
struct Events {
  std::vector<float> row, col, counts;
  std::vector<std::size_t> row_begin;  // of each row, and the end
  std::vector<std::uint32_t> blocks;   // of the frame that hold any
  std::size_t size = 0;
};

struct EventKernels;

class EventSearch {
 public:
  struct Scratch {
    Events events;
    std::vector<Cell> map;
    std::vector<std::uint16_t> found;
  };

  EventSearch() = default;
  EventSearch(FrameShape shape, double radius_px, int edge_px, double threshold, InstructionSet set);

  // Counted electrons, so few that this search is both better and fast enough.
  bool suits(const ReducedFrame& frame) const noexcept;

  // Fills out.candidates and out.ranks as find_candidates does: maxima of the disk's counts, the disk
  // smoothed by a part of its radius, ranked by the likelihood ratio of `n` counts against the `b` that a
  // wide ring expects, n ln(n / b) - (n - b). Positions are those of the maximum, between the pixels; disks
  // of a few counts are marked as placed: a fit has no more to say.
  template <class Pixel>
  void find(const RawImage<Pixel>& image, double total, Scratch& scratch, SearchScratch& out) const noexcept;

 private:
  struct Stamp {
    double scale = 0;         // of a count: sums of all counts fit a cell
    double smooth_radii = 0;  // width of the smoothing, in radii: the fewer counts, the more
    double area = 0;          // px^2
    std::vector<Cell> rows;
  };
  double ring_area(int row, int col) const noexcept;
  void test(int row, int col, const Stamp& stamp, double total, const Scratch& scratch,
            SearchScratch& out) const;

  FrameShape shape_;
  const EventKernels* kernels_ = nullptr;
  double most_counts_ = 0;
  int edge_ = 0, reach_ = 0, width_ = 0;  // the disk's map: rows -reach to +reach of `width` cells
  std::size_t stride_ = 0, origin_ = 0, count_ = 0;
  std::array<Stamp, 3> stamps_;  // for few and very few counts
  double disk_area_ = 0;
  float inner2_ = 0, outer2_ = 0;  // of the ring, px^2
  struct RingPoint {
    int row = 0, col = 0;
    double weight = 0;  // px^2
  };
  int ring_reach_ = 0;
  std::vector<RingPoint> ring_;
  double whole_ring_ = 0;
  double least_ratio_ = 0, least_counts_ = 0;
};

}  // namespace bragglive::detail
