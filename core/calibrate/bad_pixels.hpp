// Hot and dead pixels, from the mean of many frames.
#pragma once
#include <cstdint>
#include <vector>

#include "core/detect/probe_kernel.hpp"

namespace bragglive {

// Pixels (row * cols + col, ascending) that no smooth pattern explains. Hot: above 1.5 times the third
// brightest of the 20 pixels around (5 x 5 without corners) by more than six standard deviations of counting
// noise. Dead: far below all of them where they count. NaN and infinity: always. `frames`: how many were
// averaged.
std::vector<std::uint32_t> find_bad_pixels(const RealImage& mean, std::uint64_t frames);

}  // namespace bragglive
