// A pattern's spots as the search for a known phase wants them.
#pragma once
#include <array>
#include <cstddef>
#include <span>

#include "core/detect/bragg_list.hpp"

namespace bragglive {

struct MatchSettings {
  double wavelength = 0.0196875;  // Å, 300 kV
  double sigma = 0.003;           // 1/Å, error of a spot's position along one axis
  double stretch = 0.02;          // relative error of the pixel size that is still matched
};

// The spots of a pattern as the matcher sees them, strongest first, direct beam left out.
struct MatchSpots {
  static constexpr std::size_t k_max = 32;
  std::array<float, k_max> x{}, y{}, z{}, q{}, weight{};  // weight: sqrt(intensity), sum 1
  std::size_t size = 0, seen = 0;
  float q_max = 0;
};
void prepare_match_spots(std::span<const BraggPeak> peaks, const MatchSettings& settings,
                         MatchSpots& out) noexcept;

}  // namespace bragglive
