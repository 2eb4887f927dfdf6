// Structures that stand for "none of the candidates" when a specimen model is trained: common structure types
// and random cells with random elements and sizes, and the candidates themselves stretched beyond what a
// calibration can be off.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/crystal/crystal.hpp"

namespace bragglive {

// None of them has the lattice of a candidate of the same system within 2 %. The same seed gives the same
// crystals.
std::vector<Crystal> other_materials(std::span<const Crystal> candidates, std::size_t count,
                                     std::uint64_t seed);

}  // namespace bragglive
