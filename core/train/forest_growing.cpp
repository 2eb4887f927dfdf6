#include "core/train/forest_growing.hpp"

#include <algorithm>

namespace bragglive::detail {

std::vector<Sample> draw_samples(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> groups,
                                 bool bootstrap, Random& random) {
  const auto n = static_cast<std::uint32_t>(rows.size());
  std::vector<std::uint16_t> drawn(n, bootstrap ? 0 : 1);
  if (bootstrap && groups.empty())
    for (std::uint32_t i = 0; i < n; ++i) ++drawn[random.below(n)];
  if (bootstrap && !groups.empty()) {
    const std::uint32_t count = *std::max_element(groups.begin(), groups.end()) + 1;
    std::vector<std::uint16_t> of_group(count);
    for (std::uint32_t g = 0; g < count; ++g) ++of_group[random.below(count)];
    for (std::uint32_t i = 0; i < n; ++i) drawn[i] = of_group[groups[i]];
  }
  std::vector<Sample> samples;
  samples.reserve(n);
  for (std::uint32_t i = 0; i < n; ++i)
    if (drawn[i] > 0) samples.push_back({rows[i], rows[i], i, drawn[i], 0});
  return samples;
}

std::uint64_t seed_of_tree(std::uint64_t seed, std::size_t tree) {
  return Random(seed ^ (0xD1B54A32D192ED03ULL * (tree + 1))).next();
}

Expected<void> check_training(const BinnedTable& table, std::span<const std::uint32_t> rows,
                              const ForestConfig& config) {
  if (config.trees < 1 || config.trees > k_max_trees)
    return fail(ErrorArea::usage, "training: {} trees, 1 to {} are possible", config.trees, k_max_trees);
  if (config.max_depth < 1 || config.max_depth > k_max_tree_depth)
    return fail(ErrorArea::usage, "training: depth {}, 1 to {} is possible", config.max_depth,
                k_max_tree_depth);
  if (config.min_leaf < 1) return fail(ErrorArea::usage, "training: a leaf needs at least one sample");
  if (config.features_per_split > table.features())
    return fail(ErrorArea::usage, "training: {} features per split of {}", config.features_per_split,
                table.features());
  for (const std::uint32_t feature : config.features)
    if (feature >= table.features())
      return fail(ErrorArea::usage, "training: feature {} of {}", feature, table.features());
  if (table.features() > ForestNode::k_max_features)
    return fail(ErrorArea::shape, "training: {} features, at most {} fit a node", table.features(),
                ForestNode::k_max_features);
  if (rows.empty()) return fail(ErrorArea::shape, "training: there is not a single pattern to learn from");
  if (rows.size() >= std::size_t{k_max_leaf_count})
    return fail(ErrorArea::shape, "training: {} patterns, at most {} are possible", rows.size(),
                k_max_leaf_count);
  for (const std::uint32_t row : rows)
    if (row >= table.rows()) return fail(ErrorArea::shape, "training: row {} of {}", row, table.rows());
  return {};
}

Expected<void> check_fits(const std::vector<ForestNode>& nodes) {
  if (nodes.size() <= ForestNode::k_max_delta) return {};
  return fail(ErrorArea::memory, "training: a tree has more than 2 million nodes; raise --min-leaf");
}

}  // namespace bragglive::detail
