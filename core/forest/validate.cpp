#include <algorithm>
#include <cmath>

#include "core/forest/forest.hpp"

namespace bragglive {
namespace {

Expected<void> check_sizes(const ForestParts& parts) {
  if (parts.kind != ForestKind::classification && parts.kind != ForestKind::regression)
    return fail(ErrorArea::format, "forest: unknown kind {}", static_cast<std::uint32_t>(parts.kind));
  if (parts.features < 1 || parts.features > ForestNode::k_max_features)
    return fail(ErrorArea::shape, "forest: {} features, 1 to {} are possible", parts.features,
                ForestNode::k_max_features);
  const bool classifies = parts.kind == ForestKind::classification;
  const std::uint32_t limit = classifies ? k_max_classes : k_max_outputs;
  if (parts.outputs < 1 || parts.outputs > limit)
    return fail(ErrorArea::shape, "forest: {} outputs, 1 to {} are possible", parts.outputs, limit);
  if (classifies && parts.labels.size() != parts.outputs)
    return fail(ErrorArea::shape, "forest: {} labels for {} classes", parts.labels.size(), parts.outputs);
  if (!parts.scale_feature.empty() && (classifies || parts.scale_feature.size() != parts.outputs))
    return fail(ErrorArea::shape, "forest: {} scale features for {} outputs", parts.scale_feature.size(),
                parts.outputs);
  for (const std::uint16_t feature : parts.scale_feature)
    if (feature != k_unscaled && feature >= parts.features)
      return fail(ErrorArea::format, "forest: scaled by feature {} of {}", feature, parts.features);
  if (parts.tree_start.size() < 2 || parts.tree_start.size() > k_max_trees + 1)
    return fail(ErrorArea::shape, "forest: needs 1 to {} trees", k_max_trees);
  if (parts.tree_start.front() != 0 || parts.tree_start.back() != parts.nodes.size())
    return fail(ErrorArea::shape, "forest: the trees do not cover the {} nodes", parts.nodes.size());
  for (std::size_t t = 0; t + 1 < parts.tree_start.size(); ++t)
    if (parts.tree_start[t + 1] <= parts.tree_start[t] || parts.tree_start[t + 1] > parts.nodes.size())
      return fail(ErrorArea::shape, "forest: tree {} has no nodes", t);
  return {};
}

// Walks the records from the start, so that a payload is good exactly when it is the start of one of them.
Expected<std::vector<bool>> check_leaf_words(const ForestParts& parts) {
  const auto& words = parts.leaf_words;
  std::vector<bool> starts(words.size(), false);
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t entries = words[at] & 0xFFFFU, hard = words[at] >> 16;
    if (entries == 0 || entries > parts.outputs || entries >= words.size() - at)
      return fail(ErrorArea::format, "forest: leaf record {} has {} entries", at, entries);
    std::uint32_t best = 0, best_count = 0, previous = 0;
    for (std::size_t e = 1; e <= entries; ++e) {
      const std::uint32_t one = words[at + e] >> 24, count = words[at + e] & k_max_leaf_count;
      if (one >= parts.outputs || count == 0 || (e > 1 && one <= previous))
        return fail(ErrorArea::format, "forest: leaf record {} holds class {} with {} samples", at, one,
                    count);
      if (count > best_count) best = one, best_count = count;
      previous = one;
    }
    if (hard != best)
      return fail(ErrorArea::format, "forest: leaf record {} names class {}, its counts {}", at, hard, best);
    starts[at] = true;
    at += entries + 1;
  }
  return starts;
}

Expected<void> check_leaf_values(const ForestParts& parts) {
  if (parts.leaf_values.size() % parts.outputs != 0)
    return fail(ErrorArea::shape, "forest: {} leaf values for {} outputs", parts.leaf_values.size(),
                parts.outputs);
  for (const double value : parts.leaf_values)
    if (!std::isfinite(value)) return fail(ErrorArea::numeric, "forest: a leaf value is not finite");
  return {};
}

class TreeCheck {
 public:
  TreeCheck(const ForestParts& parts, std::vector<bool> record_starts)
      : parts_(parts), record_starts_(std::move(record_starts)) {}

  // Children lie behind their parent, so one pass finds every depth and there can be no cycle.
  Expected<void> check(std::size_t tree) {
    const std::uint64_t begin = parts_.tree_start[tree], size = parts_.tree_start[tree + 1] - begin;
    depth_.assign(size, 0);
    for (std::uint64_t i = 0; i < size; ++i) {
      const ForestNode& node = parts_.nodes[begin + i];
      if (node.delta() == 0) {
        if (!leaf_is_good(node))
          return fail(ErrorArea::format, "forest: tree {}, node {}: leaf {} does not exist", tree, i,
                      node.payload());
        continue;
      }
      const std::uint64_t left = i + node.delta();
      if (node.feature() >= parts_.features)
        return fail(ErrorArea::format, "forest: tree {}, node {}: feature {} of {}", tree, i, node.feature(),
                    parts_.features);
      if (!std::isfinite(node.threshold))
        return fail(ErrorArea::numeric, "forest: tree {}, node {}: the threshold is not finite", tree, i);
      if (left + 1 >= size)
        return fail(ErrorArea::format, "forest: tree {}, node {}: child {} of {}", tree, i, left + 1, size);
      if (depth_[i] >= k_max_tree_depth)
        return fail(ErrorArea::format, "forest: tree {} is deeper than {}", tree, k_max_tree_depth);
      const auto below = static_cast<std::uint16_t>(depth_[i] + 1);
      depth_[left] = std::max(depth_[left], below);
      depth_[left + 1] = std::max(depth_[left + 1], below);
    }
    return {};
  }

 private:
  bool leaf_is_good(const ForestNode& leaf) const {
    const std::uint32_t payload = leaf.payload();
    if (leaf.link != 0) return false;
    if (parts_.kind == ForestKind::regression) return payload < parts_.leaf_values.size() / parts_.outputs;
    if (payload & k_pure_leaf) return (payload & ~k_pure_leaf) < parts_.outputs;
    return payload < record_starts_.size() && record_starts_[payload];
  }
  const ForestParts& parts_;
  std::vector<bool> record_starts_;
  std::vector<std::uint16_t> depth_;
};

}  // namespace

Expected<Forest> Forest::create(ForestParts parts) {
  if (auto good = check_sizes(parts); !good) return tl::unexpected(good.error());
  if (auto good = check_leaf_values(parts); !good) return tl::unexpected(good.error());
  auto starts = check_leaf_words(parts);
  if (!starts) return tl::unexpected(starts.error());
  TreeCheck trees(parts, std::move(*starts));
  for (std::size_t t = 0; t + 1 < parts.tree_start.size(); ++t)
    if (auto good = trees.check(t); !good) return tl::unexpected(good.error());
  return Forest(std::move(parts));
}

}  // namespace bragglive
