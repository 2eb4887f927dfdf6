// The raster of probe positions.
#pragma once
#include <cstddef>
#include <cstdint>

namespace bragglive {

constexpr std::uint64_t k_max_scan_positions = std::uint64_t{1} << 26;  // 8192 x 8192

// Probe positions, row-major: index = row * cols + col, both zero-based.
struct ScanShape {
  std::uint32_t rows = 0;
  std::uint32_t cols = 0;
  constexpr std::uint64_t positions() const { return std::uint64_t{rows} * cols; }
  friend bool operator==(const ScanShape&, const ScanShape&) = default;
};

struct ScanPosition {
  std::uint32_t row = 0;
  std::uint32_t col = 0;
  friend bool operator==(const ScanPosition&, const ScanPosition&) = default;
};

constexpr ScanPosition position_of(ScanShape scan, std::uint64_t index) {
  return {static_cast<std::uint32_t>(index / scan.cols), static_cast<std::uint32_t>(index % scan.cols)};
}

constexpr std::uint64_t index_of(ScanShape scan, ScanPosition at) {
  return std::uint64_t{at.row} * scan.cols + at.col;
}

}  // namespace bragglive
