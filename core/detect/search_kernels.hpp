// The passes of the candidate search, in versions for several instruction sets.
// They work on a reduced frame: whole blocks of pixels summed into one cell,
// cells clamped so that every sum fits 16 bits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/detect/reduce_kernels.hpp"
#include "core/detect/simd.hpp"

namespace bragglive::detail {

// A disk and a ring around it as runs of columns: the disk's column at |dx| = d
// reaches from -disk[d] to +disk[d], the ring's outer rim that far with `outer`.
struct DiskRuns {
  std::span<const int> disk;
  std::span<const int> outer;
  int ring_shift = 0;  // the ring's sum counts 2^-ring_shift
};

struct DiskRows {
  const Cell* cells = nullptr;  // of the first row, column 0; the margin is as wide as the outer rim
  std::size_t stride = 0;       // of all three maps
  std::size_t count = 0, cols = 0;
  Cell* columns = nullptr;  // working rows, one for each height up to outer[0], `columns_stride` apart
  std::size_t columns_stride = 0;
  Cell *sums = nullptr, *sharp = nullptr;
};

// For 0 <= x < cols of each row: sums[x] = sum of the cells of the disk around (y, x);
// sharp[x] = that minus the scaled ring, which keeps a maximum for a weak disk
// beside a strong one. Up to k_cell_lanes - 1 elements behind are written too
// and mean nothing.
using DiskSums = void (*)(const DiskRows& rows, const DiskRuns& disk);

struct PeakTest {
  int distance = 0;    // cells: disks this far on either side, in four pairs, give
                       // the local background
  int diagonal = 0;    // the same for the diagonal pairs, along each axis
  float variance = 0;  // (standard deviations)^2 x variance per count
  Cell min_sum = 0;
};

// Writes the columns first <= x < last where `sharp` is a local maximum (strict
// against the neighbours that come before it in reading order) and the disk sum
// stands out from the lowest of its four opposite pairs; returns how many, at
// most `room`. `sums` and `sharp` point at column 0 of the row.
using FindPeaks = std::size_t (*)(const Cell* sums, const Cell* sharp, std::ptrdiff_t stride,
                                  std::size_t first, std::size_t last, const PeakTest& test,
                                  std::uint16_t* found, std::size_t room);

struct SearchKernels {
  DiskSums disk_sums;
  FindPeaks find_peaks;
};

const SearchKernels& search_kernels(InstructionSet set);

}  // namespace bragglive::detail
