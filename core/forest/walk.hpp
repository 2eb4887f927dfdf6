// The inner loop: several patterns (or, for one pattern, several trees) go down one level at a time, so that
// the loads of one hide behind those of the others.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/forest/forest.hpp"

namespace bragglive {

// All rows through one tree; `payload` gets one leaf payload per row.
void walk_rows(const ForestNode* tree, std::span<const float* const> rows, std::uint32_t* payload) noexcept;

// One row through all trees; `payload` gets one leaf payload per tree. tree_start has trees + 1 entries.
void walk_one_row(const ForestNode* nodes, std::span<const std::uint64_t> tree_start, const float* row,
                  std::uint32_t* payload) noexcept;

}  // namespace bragglive
