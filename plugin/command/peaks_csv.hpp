// PEAKS.csv of the command line: header `pattern,qx,qy,intensity`, one spot a line.
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/frame/error.hpp"

namespace bragglive::command {

// Spots grouped by pattern. Patterns without a spot inside the range of numbers are present and empty, so
// that row i of what is computed from them is pattern i.
struct PatternPeaks {
  std::vector<BraggList> patterns;  // index = pattern number
};

constexpr std::uint64_t k_max_csv_patterns = 1U << 26;

// Empty lines and lines that begin with '#' are skipped. Fails with the line number on anything that is not
// four numbers, not finite, or a pattern number beyond k_max_csv_patterns.
Expected<PatternPeaks> read_peaks_csv(const std::filesystem::path& file);

}  // namespace bragglive::command
