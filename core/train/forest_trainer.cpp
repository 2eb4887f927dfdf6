#include "core/train/forest_trainer.hpp"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <cmath>
#include <unordered_map>

#include "core/train/split_classes.hpp"
#include "core/train/split_vectors.hpp"

namespace bragglive {
namespace {

using namespace detail;

constexpr std::size_t k_oob_scale =
    1U << 16;  // class shares are summed as whole numbers: any order gives the same sum

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
    if (drawn[i] > 0) samples.push_back({rows[i], i, drawn[i], 0});
  return samples;
}

std::uint64_t seed_of_tree(std::uint64_t seed, std::size_t tree) {
  return Random(seed ^ (0xD1B54A32D192ED03ULL * (tree + 1))).next();
}

Expected<void> check(const BinnedTable& table, std::span<const std::uint32_t> rows,
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

// Runs make(tree) for every tree on config.threads threads.
template <class Make>
void for_each_tree(const ForestConfig& config, Make make) {
  tbb::task_arena arena(config.threads == 0 ? tbb::task_arena::automatic : static_cast<int>(config.threads));
  std::atomic<std::uint32_t> done{0};
  arena.execute([&] {
    tbb::parallel_for(std::size_t{0}, std::size_t{config.trees}, [&](std::size_t tree) {
      make(tree);
      const std::uint32_t now = done.fetch_add(1) + 1;
      if (config.progress) config.progress(now);
    });
  });
}

bool fits_nodes(const std::vector<ForestNode>& nodes) {
  return nodes.size() <= ForestNode::k_max_delta;
}

// Equal leaf records are stored once for the whole forest.
class LeafPool {
 public:
  explicit LeafPool(std::vector<std::uint32_t>& words) : words_(words) {}
  std::uint32_t place(const std::uint32_t* record) {
    const std::size_t size = (*record & 0xFFFFU) + 1;
    const std::u32string key(record, record + size);
    const auto [found, is_new] = places_.try_emplace(key, static_cast<std::uint32_t>(words_.size()));
    if (is_new) words_.insert(words_.end(), record, record + size);
    return found->second;
  }

 private:
  std::vector<std::uint32_t>& words_;
  std::unordered_map<std::u32string, std::uint32_t> places_;
};

// Adds the leaf shares of one tree to the rows that it did not see.
void score_unseen(const TreeBuilder<ClassPolicy>::Tree& tree, const BinnedTable& table,
                  std::span<const std::uint32_t> rows, const std::vector<Sample>& seen, std::uint32_t classes,
                  std::vector<std::uint32_t>& score) {
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    if (next < seen.size() && seen[next].target == i) {
      ++next;
      continue;
    }
    std::size_t at = 0;
    while (tree.nodes[at].delta() != 0)
      at +=
          tree.nodes[at].delta() + (table.column(tree.nodes[at].feature())[rows[i]] > tree.bins[at] ? 1 : 0);
    const std::uint32_t payload = tree.nodes[at].payload();
    const auto add = [&](std::size_t k, std::size_t amount) {
      std::atomic_ref(score[i * std::size_t{classes} + k])
          .fetch_add(static_cast<std::uint32_t>(amount), std::memory_order_relaxed);
    };
    if (payload & k_pure_leaf) {
      add(payload & ~k_pure_leaf, k_oob_scale);
      continue;
    }
    const std::uint32_t entries = tree.leaves[payload] & 0xFFFFU;
    std::uint64_t total = 0;
    for (std::uint32_t e = 1; e <= entries; ++e) total += tree.leaves[payload + e] & k_max_leaf_count;
    for (std::uint32_t e = 1; e <= entries; ++e)
      add(tree.leaves[payload + e] >> 24,
          (tree.leaves[payload + e] & k_max_leaf_count) * k_oob_scale / total);
  }
}

void answer_unseen(const std::vector<std::uint32_t>& score, const ClassTargets& targets, TrainedForest& out) {
  const std::size_t classes = targets.labels.size();
  std::size_t right = 0;
  for (std::size_t i = 0; i < targets.rows.size(); ++i) {
    const auto of_row = std::span(score).subspan(i * classes, classes);
    const auto best = std::max_element(of_row.begin(), of_row.end());
    if (*best == 0) continue;
    double sum = 0;
    for (const std::uint32_t share : of_row) sum += share;
    const bool is_right = static_cast<std::size_t>(best - of_row.begin()) == targets.classes[i];
    right += is_right ? 1 : 0;
    out.out_of_bag_probability.push_back(static_cast<float>(*best / sum));
    out.out_of_bag_right.push_back(is_right ? 1 : 0);
  }
  if (!out.out_of_bag_right.empty())
    out.out_of_bag_accuracy = static_cast<double>(right) / static_cast<double>(out.out_of_bag_right.size());
}

}  // namespace

Expected<TrainedForest> train_classifier(const BinnedTable& table, const ClassTargets& targets,
                                         const ForestConfig& config) {
  if (auto good = check(table, targets.rows, config); !good) return tl::unexpected(good.error());
  const auto classes = static_cast<std::uint32_t>(targets.labels.size());
  if (classes < 1 || classes > k_max_classes)
    return fail(ErrorArea::shape, "training: {} classes, 1 to {} are possible", classes, k_max_classes);
  if (targets.classes.size() != targets.rows.size())
    return fail(ErrorArea::shape, "training: {} classes for {} rows", targets.classes.size(),
                targets.rows.size());
  for (const std::uint8_t one : targets.classes)
    if (one >= classes) return fail(ErrorArea::shape, "training: class {} of {}", one, classes);
  if (!targets.groups.empty() && targets.groups.size() != targets.rows.size())
    return fail(ErrorArea::shape, "training: {} groups for {} rows", targets.groups.size(),
                targets.rows.size());
  for (const std::uint32_t group : targets.groups)
    if (group >= targets.rows.size())
      return fail(ErrorArea::shape, "training: group {} of {} rows", group, targets.rows.size());

  std::vector<TreeBuilder<ClassPolicy>::Tree> trees(config.trees);
  std::vector<std::uint32_t> score(config.out_of_bag ? targets.rows.size() * classes : 0);
  for_each_tree(config, [&](std::size_t t) {
    Random random(seed_of_tree(config.seed, t));
    std::vector<Sample> samples = draw_samples(targets.rows, targets.groups, config.bootstrap, random);
    for (Sample& sample : samples) sample.one = targets.classes[sample.target];
    TreeBuilder<ClassPolicy> builder(table, config, ClassPolicy(classes));
    trees[t] = builder.grow(samples, random);
    if (config.out_of_bag) score_unseen(trees[t], table, targets.rows, samples, classes, score);
  });

  ForestParts parts;
  parts.features = static_cast<std::uint32_t>(table.features());
  parts.outputs = classes;
  parts.labels.assign(targets.labels.begin(), targets.labels.end());
  parts.tree_start.push_back(0);
  LeafPool pool(parts.leaf_words);
  for (auto& tree : trees) {
    if (!fits_nodes(tree.nodes))
      return fail(ErrorArea::memory, "training: a tree has more than 2 million nodes; raise --min-leaf");
    for (ForestNode& node : tree.nodes)
      if (node.delta() == 0 && (node.payload() & k_pure_leaf) == 0)
        node = ForestNode::leaf(pool.place(tree.leaves.data() + node.payload()));
    parts.nodes.insert(parts.nodes.end(), tree.nodes.begin(), tree.nodes.end());
    parts.tree_start.push_back(parts.nodes.size());
    tree = {};
  }
  auto forest = Forest::create(std::move(parts));
  if (!forest) return tl::unexpected(forest.error());
  TrainedForest out{std::move(*forest), -1, {}, {}};
  if (config.out_of_bag) answer_unseen(score, targets, out);
  return out;
}

Expected<TrainedForest> train_regressor(const BinnedTable& table, const VectorTargets& targets,
                                        const ForestConfig& config) {
  if (auto good = check(table, targets.rows, config); !good) return tl::unexpected(good.error());
  const std::uint32_t outputs = targets.outputs;
  if (outputs < 1 || outputs > VectorPolicy::k_width)
    return fail(ErrorArea::shape, "training: {} outputs, 1 to {} are possible", outputs,
                VectorPolicy::k_width);
  if (targets.values.size() != targets.rows.size() * outputs ||
      (!targets.scale.empty() && targets.scale.size() != outputs))
    return fail(ErrorArea::shape, "training: {} values for {} rows of {}", targets.values.size(),
                targets.rows.size(), outputs);
  for (const float value : targets.values)
    if (!std::isfinite(value)) return fail(ErrorArea::numeric, "training: a target value is not finite");

  // Centred first: sums of large nearly equal numbers would lose what the splits are about.
  std::vector<float> scaled(targets.rows.size() * VectorPolicy::k_width, 0.0F);
  for (std::uint32_t k = 0; k < outputs; ++k) {
    double mean = 0;
    for (std::size_t i = 0; i < targets.rows.size(); ++i) mean += double{targets.values[i * outputs + k]};
    mean /= static_cast<double>(targets.rows.size());
    const double scale = targets.scale.empty() ? 1.0 : double{targets.scale[k]};
    for (std::size_t i = 0; i < targets.rows.size(); ++i)
      scaled[i * VectorPolicy::k_width + k] =
          static_cast<float>((double{targets.values[i * outputs + k]} - mean) / scale);
  }
  std::vector<TreeBuilder<VectorPolicy>::Tree> trees(config.trees);
  for_each_tree(config, [&](std::size_t t) {
    Random random(seed_of_tree(config.seed, t));
    TreeBuilder<VectorPolicy> builder(table, config,
                                      VectorPolicy(scaled, targets.values, outputs, config.median_leaves));
    trees[t] = builder.grow(draw_samples(targets.rows, {}, config.bootstrap, random), random);
  });

  ForestParts parts;
  parts.kind = ForestKind::regression;
  parts.features = static_cast<std::uint32_t>(table.features());
  parts.outputs = outputs;
  parts.scale_feature.assign(targets.scale_feature.begin(), targets.scale_feature.end());
  parts.tree_start.push_back(0);
  for (auto& tree : trees) {
    if (!fits_nodes(tree.nodes))
      return fail(ErrorArea::memory, "training: a tree has more than 2 million nodes; raise --min-leaf");
    const auto before = static_cast<std::uint32_t>(parts.leaf_values.size() / outputs);
    for (ForestNode& node : tree.nodes)
      if (node.delta() == 0) node = ForestNode::leaf(node.payload() + before);
    parts.nodes.insert(parts.nodes.end(), tree.nodes.begin(), tree.nodes.end());
    parts.leaf_values.insert(parts.leaf_values.end(), tree.leaves.begin(), tree.leaves.end());
    parts.tree_start.push_back(parts.nodes.size());
    tree = {};
  }
  auto forest = Forest::create(std::move(parts));
  if (!forest) return tl::unexpected(forest.error());
  return TrainedForest{std::move(*forest), -1, {}, {}};
}

}  // namespace bragglive
