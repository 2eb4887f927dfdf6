// The passes of the candidate search, in versions for several instruction sets.
// They work on a reduced frame: whole blocks of pixels summed into one cell,
// cells clamped so that every sum fits 16 bits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/detect/simd.hpp"

namespace bragglive::detail {

using Cell = std::int16_t;
constexpr std::size_t k_cell_lanes = 32;  // passes work on whole vectors of so many cells

// How pixels become cells.
struct Reduction {
  std::size_t block = 1;          // pixels per cell along an axis: 1, 2, 4, 8 …
  float factor = 1;               // floats and large integers are multiplied by this first
  std::uint16_t pixel_most = 0;   // then clamped to this; block * pixel_most < 65536
  int shift = 0;                  // sums of `block` pixels lose so many bits
  std::uint16_t column_most = 0;  // and are clamped to this; block * column_most <= 32767
};

struct RowStats {
  double sum = 0;        // of the pixels times `factor`, exact for integers, negative
                         // ones as zero
  bool all_most = true;  // every pixel is the type's maximum
  bool finite = true;
  bool bright = false;   // a column above three fifths of the most
  bool clamped = false;  // something was
};

// Sums up `rows` (<= block) rows of `cols` pixels into ceil(cols / block)
// cells. `work`: room for cols + 64 values. Up to k_cell_lanes - 1 cells behind
// are written too (zeros). `to` has room for them.
template <class Pixel>
using ReduceRows = void (*)(const std::byte* from, std::size_t rows, std::size_t cols, const Reduction& how,
                            std::uint16_t* work, Cell* to, RowStats& stats);

// A disk and a ring around it as runs of columns: the column at |dx| = d
// reaches from -height to +height. `levels` are the distinct heights of both,
// ascending; `disk[d]` the level of the disk's column d, `outer[d]` that of the
// ring's outer rim.
struct DiskRuns {
  std::span<const int> levels;
  std::span<const int> disk;
  std::span<const int> outer;
  int ring_shift = 0;  // the ring's sum counts 2^-ring_shift
};

// For 0 <= x < cols: out[x] = sum of the cells of the disk around (y, x);
// sharp[x] = that minus the scaled ring, which keeps a maximum for a weak disk
// beside a strong one. Up to k_cell_lanes - 1 elements behind are written too
// and mean nothing. `columns`: working rows, one for each level,
// `columns_stride` apart; the margin is as wide as the outer rim.
using DiskSums = void (*)(const Cell* centre, std::ptrdiff_t stride, const DiskRuns& disk, std::size_t cols,
                          Cell* columns, std::size_t columns_stride, Cell* out, Cell* sharp);

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
  ReduceRows<std::uint8_t> reduce_u8;
  ReduceRows<std::uint16_t> reduce_u16;
  ReduceRows<std::uint32_t> reduce_u32;
  ReduceRows<float> reduce_f32;
  DiskSums disk_sums;
  FindPeaks find_peaks;
};

const SearchKernels& search_kernels(InstructionSet set);

}  // namespace bragglive::detail
