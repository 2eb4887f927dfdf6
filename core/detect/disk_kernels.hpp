// The passes of disk detection that touch every pixel, in versions chosen once for the processor at hand.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace bragglive::detail {

// A padded map: element (row, col) at data[row * stride + col]; the plan's `pad` rows and columns around it
// may be read.
template <class T>
struct MapView {
  const T* data = nullptr;
  std::ptrdiff_t stride = 0;
};

// A disk as runs of columns: the column at |dx| = d reaches from -height[d] to +height[d]. `levels` are the
// distinct heights, ascending; `level_of[d]` the one that column d has.
struct DiskRuns {
  std::span<const int> levels;
  std::span<const int> level_of;
};

// Lanes of the widest vectors: the passes work on whole vectors, so rows are padded by at least this many
// elements.
constexpr std::size_t k_vector_lanes = 16;

// out[x] = sum of the pixels of the disk around (y, x), for 0 <= x < cols; up to k_vector_lanes - 1 elements
// behind are written too and mean nothing. `columns`: working rows, one for each level, `columns_stride`
// apart; `columns` points at column 0 of the first, and the disk's half width before it and behind the
// (rounded up) last column must read as zero or, where the image is zero there, as anything the pass has put
// there itself.
template <class Pixel>
using DiskSums = void (*)(MapView<Pixel> image, std::ptrdiff_t y, const DiskRuns& disk, std::size_t cols,
                          std::int32_t* columns, std::size_t columns_stride, std::int32_t* out);

struct PeakTest {
  int distance = 0;    // px: disks this far on either side, in four pairs, give the local background
  int diagonal = 0;    // the same for the diagonal pairs, along each axis
  float variance = 0;  // (standard deviations)^2 x variance per count
  std::int32_t min_sum = 0;
};

// Writes the columns first <= x < last where the disk sum is a local maximum (strict against the neighbours
// that come before it in reading order) and stands out from the lowest of its four opposite pairs; returns
// how many, at most `room`.
using FindPeaks = std::size_t (*)(MapView<std::int32_t> sums, std::ptrdiff_t y, std::size_t first,
                                  std::size_t last, const PeakTest& test, std::uint16_t* found,
                                  std::size_t room);

struct DiskKernels {
  DiskSums<std::uint16_t> sums_u16;
  DiskSums<std::uint32_t> sums_u32;
  FindPeaks find_peaks;
};

// AVX-512, AVX2 or the plain build, by what the processor says.
const DiskKernels& disk_kernels();

}  // namespace bragglive::detail
