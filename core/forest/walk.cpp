#include "core/forest/walk.hpp"

namespace bragglive {
namespace {

// Lanes in flight. Measured on a current x86 core: 8 leaves load slots empty, 32 spills registers.
constexpr std::size_t k_lanes = 16;

template <std::size_t Lanes>
inline void descend(const ForestNode** node, const float* const* row) {
  std::uint32_t busy = 1;
  while (busy != 0) {
    busy = 0;
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      const ForestNode at = *node[lane];
      const std::uint32_t delta = at.delta();
      // A leaf has delta 0 and feature 0: the comparison is wasted, not wrong.
      const std::uint32_t right = row[lane][at.feature()] > at.threshold ? 1 : 0;
      node[lane] += delta != 0 ? delta + right : 0;
      busy |= delta;
    }
  }
}

template <std::size_t Lanes>
inline void rows_together(const ForestNode* tree, const float* const* row, std::uint32_t* payload) {
  const ForestNode* node[Lanes];
  for (std::size_t lane = 0; lane < Lanes; ++lane) node[lane] = tree;
  descend<Lanes>(node, row);
  for (std::size_t lane = 0; lane < Lanes; ++lane) payload[lane] = node[lane]->payload();
}

}  // namespace

void walk_rows(const ForestNode* tree, std::span<const float* const> rows, std::uint32_t* payload) noexcept {
  std::size_t at = 0;
  for (; at + k_lanes <= rows.size(); at += k_lanes)
    rows_together<k_lanes>(tree, rows.data() + at, payload + at);
  for (; at < rows.size(); ++at) rows_together<1>(tree, rows.data() + at, payload + at);
}

void walk_one_row(const ForestNode* nodes, std::span<const std::uint64_t> tree_start, const float* row,
                  std::uint32_t* payload) noexcept {
  const std::size_t trees = tree_start.size() - 1;
  const float* same[k_lanes];
  for (const float*& pointer : same) pointer = row;
  std::size_t at = 0;
  for (; at + k_lanes <= trees; at += k_lanes) {
    const ForestNode* node[k_lanes];
    for (std::size_t lane = 0; lane < k_lanes; ++lane) node[lane] = nodes + tree_start[at + lane];
    descend<k_lanes>(node, same);
    for (std::size_t lane = 0; lane < k_lanes; ++lane) payload[at + lane] = node[lane]->payload();
  }
  for (; at < trees; ++at) rows_together<1>(nodes + tree_start[at], same, payload + at);
}

}  // namespace bragglive
