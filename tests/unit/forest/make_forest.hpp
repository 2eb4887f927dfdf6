// Small random forests for tests, and the slow obvious way to walk one.
#pragma once
#include <random>

#include "core/forest/forest.hpp"

namespace bragglive::test {

struct RandomForestShape {
  ForestKind kind = ForestKind::classification;
  std::uint32_t features = 10, outputs = 4, trees = 7, depth = 6;
};

// Breadth-first trees with random thresholds in [-1, 1); a quarter of the inner places end early.
inline ForestParts random_parts(const RandomForestShape& shape, unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  ForestParts parts;
  parts.kind = shape.kind;
  parts.features = shape.features;
  parts.outputs = shape.outputs;
  if (shape.kind == ForestKind::classification)
    for (std::uint32_t k = 0; k < shape.outputs; ++k)
      parts.labels.push_back(static_cast<std::uint16_t>(k + 1));
  const auto leaf = [&] {
    if (shape.kind == ForestKind::regression) {
      for (std::uint32_t k = 0; k < shape.outputs; ++k) parts.leaf_values.push_back(below(1000) / 16.0);
      return ForestNode::leaf(static_cast<std::uint32_t>(parts.leaf_values.size() / shape.outputs - 1));
    }
    if (below(2) == 0) return ForestNode::leaf(k_pure_leaf | below(shape.outputs));
    const auto at = static_cast<std::uint32_t>(parts.leaf_words.size());
    std::uint32_t hard = 0, most = 0;
    parts.leaf_words.push_back(0);
    for (std::uint32_t k = 0; k < shape.outputs; ++k) {
      const std::uint32_t count = 1 + below(20);
      if (count > most) most = count, hard = k;
      parts.leaf_words.push_back(k << 24 | count);
    }
    parts.leaf_words[at] = shape.outputs | hard << 16;
    return ForestNode::leaf(at);
  };
  parts.tree_start.push_back(0);
  for (std::uint32_t t = 0; t < shape.trees; ++t) {
    std::vector<ForestNode> tree(1);
    std::vector<std::uint32_t> depth(1, 0);
    for (std::size_t i = 0; i < tree.size(); ++i) {
      if (depth[i] == shape.depth || (i > 0 && below(4) == 0)) {
        tree[i] = leaf();
        continue;
      }
      const float threshold = static_cast<float>(random() % 2048) / 1024.0F - 1.0F;
      tree[i] =
          ForestNode::inner(below(shape.features), threshold, static_cast<std::uint32_t>(tree.size() - i));
      tree.resize(tree.size() + 2);
      depth.resize(tree.size(), depth[i] + 1);
    }
    parts.nodes.insert(parts.nodes.end(), tree.begin(), tree.end());
    parts.tree_start.push_back(parts.nodes.size());
  }
  return parts;
}

// Values on the same grid as the thresholds, so that many lie exactly on one.
inline std::vector<float> random_rows(std::size_t rows, std::size_t features, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(rows * features);
  for (float& value : values) value = static_cast<float>(random() % 2048) / 1024.0F - 1.0F;
  return values;
}

inline std::vector<const float*> row_pointers(const std::vector<float>& values, std::size_t features) {
  std::vector<const float*> rows;
  for (std::size_t i = 0; i < values.size(); i += features) rows.push_back(values.data() + i);
  return rows;
}

inline std::uint32_t slow_leaf(const ForestParts& parts, std::size_t tree, const float* row) {
  std::size_t at = parts.tree_start[tree];
  while (parts.nodes[at].delta() != 0) {
    const ForestNode& node = parts.nodes[at];
    at += node.delta();
    if (row[node.feature()] > node.threshold) ++at;
  }
  return parts.nodes[at].payload();
}

}  // namespace bragglive::test
