// The inner loop: many (row, tree) pairs go down one level at a time, so that the loads of one hide behind
// those of the others.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/forest/forest.hpp"
#include "core/forest/gather.hpp"

namespace bragglive::detail {

// All rows through all trees. Row i is at rows + i * stride, stride * count below 2^31; payload (trees,
// count) gets one leaf payload each. tree_start has trees + 1 entries.
struct Walk {
  const ForestNode* nodes;
  std::span<const std::uint64_t> tree_start;
  const float* rows;
  std::size_t stride, count;
  std::uint32_t* payload;
};

// The way that is fastest on this processor; the same leaves from each.
void walk(const Walk& job) noexcept;

void walk_plain(const Walk& job) noexcept;
// Only where can_gather(): sixteen pairs a vector. Up to 2^31 nodes.
void walk_gathering(const Walk& job) noexcept;

}  // namespace bragglive::detail
