#include "core/forest/walk.hpp"

#include <algorithm>
#include <limits>

namespace bragglive::detail {
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

// The pairs from number `begin` on, counted tree by tree.
template <std::size_t Lanes>
inline void pairs_together(const Walk& job, std::size_t begin) {
  const ForestNode* node[Lanes];
  const float* row[Lanes];
  for (std::size_t lane = 0; lane < Lanes; ++lane) {
    node[lane] = job.nodes + job.tree_start[(begin + lane) / job.count];
    row[lane] = job.rows + (begin + lane) % job.count * job.stride;
  }
  descend<Lanes>(node, row);
  for (std::size_t lane = 0; lane < Lanes; ++lane) job.payload[begin + lane] = node[lane]->payload();
}

}  // namespace

void walk_plain(const Walk& job) noexcept {
  const std::size_t pairs = (job.tree_start.size() - 1) * job.count;
  std::size_t at = 0;
  for (; at + k_lanes <= pairs; at += k_lanes) pairs_together<k_lanes>(job, at);
  for (; at < pairs; ++at) pairs_together<1>(job, at);
}

void walk(const Walk& job) noexcept {
  constexpr auto k_most = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
  if (can_gather() && job.tree_start.back() <= k_most) return walk_gathering(job);
  walk_plain(job);
}

}  // namespace bragglive::detail
