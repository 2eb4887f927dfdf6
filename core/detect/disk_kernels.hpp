// The two passes of disk detection that touch every pixel, chosen once for the processor at hand.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace bragglive::detail {

// Maps are padded: row y, column x lies at data[y * stride + x], and `pad` rows and columns around the frame
// may be read.
struct MapView {
  const std::uint32_t* data = nullptr;
  std::ptrdiff_t stride = 0;
};

// Sum over the rows of a disk: out[x] = sum over dy of P[dy][x + half[dy] + 1] - P[dy][x - half[dy]], with P
// the running sum along a row (P[x] = sum of pixels before x) and dy from -reach to +reach. Unsigned
// differences stay exact when P wraps.
using DiskRowSum = void (*)(MapView prefix, std::ptrdiff_t y, std::span<const int> half_widths,
                            std::size_t cols, std::uint32_t* out);

struct PeakTest {
  int distance = 0;       // px: four pairs of disks this far on either side give the local background
  float threshold2 = 0;   // (standard deviations)^2
  float noise_scale = 1;  // variance per count
  float min_sum = 0;      // smallest disk sum worth a look
};

// flags[x] = 1 where the disk sum is a local maximum (strict against the neighbours before it in reading
// order, so that a plateau gives one maximum a row at most) and stands out from the lowest of the four
// opposite pairs; else 0.
using FlagPeaks = void (*)(MapView sums, std::ptrdiff_t y, std::size_t first, std::size_t last,
                           const PeakTest& test, std::uint8_t* flags);

struct DiskKernels {
  DiskRowSum disk_row_sum;
  FlagPeaks flag_peaks;
  const char* name;
};

// AVX-512, AVX2 or the plain build, by what the processor says.
const DiskKernels& disk_kernels();

}  // namespace bragglive::detail
