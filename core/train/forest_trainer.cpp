// Classification forests.
#include "core/train/forest_trainer.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "core/train/forest_growing.hpp"
#include "core/train/split_classes.hpp"

namespace bragglive {
namespace {

using namespace detail;

// Class shares are summed as whole numbers: any order gives the same sum.
constexpr std::size_t k_oob_scale = 1U << 16;

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
    const std::uint8_t* const bins = table.row(rows[i]);
    std::size_t at = 0;
    while (tree.nodes[at].delta() != 0)
      at += tree.nodes[at].delta() + (bins[tree.nodes[at].feature()] > tree.bins[at] ? 1 : 0);
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
  if (auto good = check_training(table, targets.rows, config); !good) return tl::unexpected(good.error());
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
    if (auto fits = check_fits(tree.nodes); !fits) return tl::unexpected(fits.error());
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

}  // namespace bragglive
