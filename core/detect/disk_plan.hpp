// What a detector works out once from its settings.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/detect/disk_detector.hpp"
#include "core/detect/disk_fitter.hpp"
#include "core/detect/event_search.hpp"
#include "core/detect/search_kernels.hpp"
#include "core/detect/shaped_probe.hpp"

namespace bragglive {

struct DiskDetector::Plan {
  DiskDetectorConfig config;
  FrameShape shape;

  // The reduced frame: blocks of block x block pixels make a cell. Its maps are
  // padded: cell (0, 0) lies at `origin`, `count` elements in all.
  int block = 1;
  int cell_rows = 0, cell_cols = 0;
  int pad = 0;
  std::size_t stride = 0, origin = 0, count = 0;
  std::vector<int> disk, outer;  // see DiskRuns
  int ring_shift = 0;
  int disk_cells = 0, ring_cells = 0;
  int cell_most = 0;  // no cell is larger, so that no sum leaves 16 bits
  int pair_distance = 0, pair_diagonal = 0;
  std::array<std::ptrdiff_t, 4> pairs{};            // the same as steps in a map
  std::array<std::array<double, 2>, 4> pair_way{};  // and in pixels
  const detail::SearchKernels* kernels = nullptr;

  int edge = 0;  // px
  double spacing = 0;
  double threshold = 0;  // standard deviations

  struct RingPixel {
    int row = 0, col = 0;
    std::ptrdiff_t offset = 0;  // in a frame
  };
  static constexpr std::size_t k_sectors = 16;  // eight directions in an inner and an outer zone
  std::vector<RingPixel> ring;                  // ordered by sector
  int ring_reach = 0;
  std::array<std::size_t, k_sectors + 1> sector_begin{};

  struct Patch {
    std::uint32_t pixel = 0;              // row * cols + col
    std::array<std::uint32_t, 4> from{};  // sound (or already replaced) pixels around it
    std::uint32_t count = 0;
  };
  std::vector<Patch> patches;           // from the rim of each masked region inwards
  std::vector<std::uint8_t> usable;     // of each pixel, 0 = masked; empty = no mask
  std::vector<std::uint8_t> centre_ok;  // 0 = more than 40 % of a disk here is masked; empty = no mask

  detail::DiskFitter fitter;
  detail::EventSearch events;         // for frames of few counts
  std::optional<ShapedProbe> shaped;  // the reference way, where the fast one cannot serve
  std::string slow_reason;

  detail::DiskRuns runs() const { return {disk, outer, ring_shift}; }
};

}  // namespace bragglive
