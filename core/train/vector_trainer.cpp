// Regression forests.
#include <algorithm>
#include <cmath>

#include "core/train/forest_growing.hpp"
#include "core/train/split_vectors.hpp"

namespace bragglive {
namespace {

using namespace detail;

constexpr std::size_t k_most_outputs = 8;

// What cuts look at: the outputs that differ from row to row, each once. Equal outputs (a = b = c) count as
// one that weighs as much as all of them.
class CutTargets {
 public:
  explicit CutTargets(const VectorTargets& targets) {
    const std::size_t rows = targets.rows.size();
    std::vector<std::vector<float>> columns;
    std::vector<unsigned> times;
    for (std::uint32_t k = 0; k < targets.outputs; ++k) {
      auto column = centred(targets, k);
      if (std::all_of(column.begin(), column.end(), [&](float y) { return y == 0; })) continue;
      const auto same = std::find(columns.begin(), columns.end(), column);
      if (same != columns.end()) {
        ++times[static_cast<std::size_t>(same - columns.begin())];
        continue;
      }
      columns.push_back(std::move(column));
      times.push_back(1);
    }
    width_ = columns.size() <= 4 ? 4 : k_most_outputs;
    values_.assign(rows * width_, 0.0F);
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const auto weight = static_cast<float>(std::sqrt(static_cast<double>(times[k])));
      for (std::size_t i = 0; i < rows; ++i) values_[i * width_ + k] = weight * columns[k][i];
    }
  }
  std::size_t width() const { return width_; }
  std::span<const float> values() const { return values_; }

 private:
  // Sums of large nearly equal numbers would lose what the splits are about.
  static std::vector<float> centred(const VectorTargets& targets, std::uint32_t output) {
    const std::size_t rows = targets.rows.size();
    const auto value = [&](std::size_t i) { return double{targets.values[i * targets.outputs + output]}; };
    std::vector<float> out(rows);
    // A constant stays exactly constant, whatever its mean is rounded to.
    bool constant = true;
    for (std::size_t i = 1; i < rows && constant; ++i) constant = value(i) == value(0);
    if (constant) return out;
    double mean = 0;
    for (std::size_t i = 0; i < rows; ++i) mean += value(i);
    mean /= static_cast<double>(rows);
    const double scale = targets.scale.empty() ? 1.0 : double{targets.scale[output]};
    for (std::size_t i = 0; i < rows; ++i) out[i] = static_cast<float>((value(i) - mean) / scale);
    return out;
  }

  std::size_t width_ = 4;
  std::vector<float> values_;
};

struct GrownTree {
  std::vector<ForestNode> nodes;
  std::vector<double> leaves;
};

template <std::size_t Width>
std::vector<GrownTree> grow(const BinnedTable& table, const VectorTargets& targets, const CutTargets& cuts,
                            const ForestConfig& config) {
  std::vector<GrownTree> trees(config.trees);
  for_each_tree(config, [&](std::size_t t) {
    Random random(seed_of_tree(config.seed, t));
    using Policy = VectorPolicy<Width>;
    TreeBuilder<Policy> builder(table, config,
                                Policy(cuts.values(), targets.values, targets.outputs, config.median_leaves));
    auto tree = builder.grow(draw_samples(targets.rows, {}, config.bootstrap, random), random);
    trees[t] = {std::move(tree.nodes), std::move(tree.leaves)};
  });
  return trees;
}

}  // namespace

Expected<TrainedForest> train_regressor(const BinnedTable& table, const VectorTargets& targets,
                                        const ForestConfig& config) {
  if (auto good = check_training(table, targets.rows, config); !good) return tl::unexpected(good.error());
  const std::uint32_t outputs = targets.outputs;
  if (outputs < 1 || outputs > k_most_outputs)
    return fail(ErrorArea::shape, "training: {} outputs, 1 to {} are possible", outputs, k_most_outputs);
  if (targets.values.size() != targets.rows.size() * outputs ||
      (!targets.scale.empty() && targets.scale.size() != outputs))
    return fail(ErrorArea::shape, "training: {} values for {} rows of {}", targets.values.size(),
                targets.rows.size(), outputs);
  for (const float value : targets.values)
    if (!std::isfinite(value)) return fail(ErrorArea::numeric, "training: a target value is not finite");

  const CutTargets cuts(targets);
  std::vector<GrownTree> trees = cuts.width() == 4 ? grow<4>(table, targets, cuts, config)
                                                   : grow<k_most_outputs>(table, targets, cuts, config);

  ForestParts parts;
  parts.kind = ForestKind::regression;
  parts.features = static_cast<std::uint32_t>(table.features());
  parts.outputs = outputs;
  parts.scale_feature.assign(targets.scale_feature.begin(), targets.scale_feature.end());
  parts.tree_start.push_back(0);
  for (auto& tree : trees) {
    if (auto fits = check_fits(tree.nodes); !fits) return tl::unexpected(fits.error());
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
