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

// A disk and a ring around it as runs of columns: the column at |dx| = d reaches from -height to +height.
// `levels` are the distinct heights of both, ascending; `disk[d]` the level of the disk's column d,
// `outer[d]` that of the ring's outer rim.
struct DiskRuns {
  std::span<const int> levels;
  std::span<const int> disk;
  std::span<const int> outer;
  float ring_weight = 0;  // pixels of the disk / pixels of the ring
};

// Lanes of the widest vectors: the passes work on whole vectors, so rows are padded by at least this many
// elements.
constexpr std::size_t k_vector_lanes = 16;

// For 0 <= x < cols: out[x] = sum of the pixels of the disk around (y, x); sharp[x] = that minus what the
// ring says is background, which keeps a maximum for a weak disk beside a strong one. Up to k_vector_lanes -
// 1 elements behind are written too and mean nothing. `columns`: working rows, one for each level,
// `columns_stride` apart; it points at column 0 of the first; what the ring reaches before it and behind the
// (rounded up) last column must be zero.
template <class Pixel>
using DiskSums = void (*)(MapView<Pixel> image, std::ptrdiff_t y, const DiskRuns& disk, std::size_t cols,
                          std::int32_t* columns, std::size_t columns_stride, std::int32_t* out, float* sharp);

struct PeakTest {
  int distance = 0;    // px: disks this far on either side, in four pairs, give the local background
  int diagonal = 0;    // the same for the diagonal pairs, along each axis
  float variance = 0;  // (standard deviations)^2 x variance per count
  std::int32_t min_sum = 0;
};

// Writes the columns first <= x < last where `sharp` is a local maximum (strict against the neighbours that
// come before it in reading order) and the disk sum stands out from the lowest of its four opposite pairs;
// returns how many, at most `room`.
using FindPeaks = std::size_t (*)(MapView<std::int32_t> sums, MapView<float> sharp, std::ptrdiff_t y,
                                  std::size_t first, std::size_t last, const PeakTest& test,
                                  std::uint16_t* found, std::size_t room);

struct DiskKernels {
  DiskSums<std::uint16_t> sums_u16;
  DiskSums<std::uint32_t> sums_u32;
  FindPeaks find_peaks;
};

// AVX-512, AVX2 or the plain build, by what the processor says.
const DiskKernels& disk_kernels();

}  // namespace bragglive::detail
