// One tree: depth-first growth on a bootstrap sample. The target (classes or vectors) is a policy, see
// split_*.hpp.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "core/forest/forest.hpp"
#include "core/train/binned_table.hpp"
#include "core/train/forest_trainer.hpp"
#include "core/train/row_block.hpp"

namespace bragglive::detail {

// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(((next() >> 32) * n) >> 32); }

 private:
  std::uint64_t state_;
};

// One training sample of a tree: where its features are, what it is, how often the bootstrap drew it.
struct Sample {
  std::uint32_t row;     // of the table
  std::uint32_t at;      // in the columns that the node reads: of the table, or of the block around the node
  std::uint32_t target;  // index into the targets
  std::uint16_t weight;
  std::uint16_t one;  // classification: its class
};

struct Split {
  double gain = -1;  // the policy's score of the best cut; -1 = none
  std::uint32_t feature = 0;
  std::uint8_t left_bin = 0;  // bins up to and including this one go left
};

// Empty bins between the two sides are shared out evenly.
inline std::uint8_t half_way(int last_left, int first_right) {
  return static_cast<std::uint8_t>((last_left + first_right - 1) / 2);
}

template <class Policy>
class TreeBuilder {
 public:
  TreeBuilder(const BinnedTable& table, const ForestConfig& config, Policy policy)
      : table_(table), config_(config), policy_(std::move(policy)), order_(config.features) {
    if (order_.empty()) {
      order_.resize(table.features());
      std::iota(order_.begin(), order_.end(), 0U);
    }
    constants_.resize(order_.size());
    const auto root = static_cast<std::uint32_t>(std::sqrt(static_cast<double>(order_.size())));
    tries_ = config.features_per_split == 0 ? std::max(1U, root) : config.features_per_split;
  }

  struct Tree {
    std::vector<ForestNode> nodes;
    std::vector<std::uint8_t> bins;  // inner nodes: last bin that goes left
    typename Policy::Leaves leaves;
  };

  Tree grow(std::vector<Sample> samples, Random random) {
    samples_ = std::move(samples);
    spare_.resize(samples_.size());
    Tree tree;
    tree.nodes.resize(1);
    tree.bins.resize(1);
    std::vector<Pending> stack = {{0, 0, static_cast<std::uint32_t>(samples_.size()), 0, 0, k_in_table}};
    while (!stack.empty()) {
      Pending at = stack.back();
      stack.pop_back();
      const std::span<Sample> here(samples_.data() + at.begin, at.end - at.begin);
      policy_.enter(here);
      const Split split = can_split(at) ? best_split(here, at, random) : Split{};
      if (split.gain < 0) {
        tree.nodes[at.node] = ForestNode::leaf(policy_.leaf(tree.leaves));
        continue;
      }
      const auto left = static_cast<std::uint32_t>(tree.nodes.size());
      tree.nodes[at.node] =
          ForestNode::inner(split.feature, table_.edges().of(split.feature)[split.left_bin], left - at.node);
      tree.bins[at.node] = split.left_bin;
      tree.nodes.resize(left + 2);
      tree.bins.resize(left + 2);
      const std::uint32_t middle =
          at.begin + partition(here, column(at.level, split.feature), split.left_bin);
      stack.push_back({left + 1, middle, at.end, at.depth + 1, at.constants, at.level});
      stack.push_back({left, at.begin, middle, at.depth + 1, at.constants, at.level});
    }
    return tree;
  }

 private:
  static constexpr std::uint32_t k_in_table = 0;  // higher levels: blocks_[level - 1]
  struct Pending {
    std::uint32_t node, begin, end, depth, constants, level;
  };

  bool can_split(const Pending& at) const {
    return at.depth < config_.max_depth && at.end - at.begin > 1 &&
           policy_.weight() >= 2 * std::uint64_t{config_.min_leaf} && !policy_.pure();
  }

  const std::uint8_t* column(std::uint32_t level, std::uint32_t feature) const {
    return level == k_in_table ? table_.column(feature) : blocks_[level - 1].column(feature);
  }

  // Copies the samples into the smallest block that holds them, unless they are in it already. The stack
  // brings all nodes below this one before any other: one block of each size is enough.
  void enter_block(std::span<Sample> here, std::uint32_t& level) {
    for (auto b = static_cast<std::uint32_t>(blocks_.size()); b > level; --b) {
      RowBlock& block = blocks_[b - 1];
      const bool hardly_denser = table_.rows() < 4 * block.most_rows();
      if (here.size() > block.most_rows() || hardly_denser) continue;
      block.fill(table_, here.size(), [&](std::size_t i) { return here[i].row; });
      for (std::uint32_t i = 0; i < here.size(); ++i) here[i].at = i;
      level = b;
      return;
    }
  }

  // Draws features without replacement until `tries_` were seen and at least one was not constant here. A
  // feature that is constant in a node is constant below it: those gather at the front of order_ (the scheme
  // of scikit-learn's splitter), count as seen and are not looked at again.
  Split best_split(std::span<Sample> here, Pending& at, Random& random) {
    enter_block(here, at.level);
    policy_.prepare(here);
    Split best;
    const std::uint32_t known = at.constants;
    std::uint32_t found = 0, drawn = 0, seen = 0, end = static_cast<std::uint32_t>(order_.size());
    while (end > known + found && (seen < tries_ || seen <= found + drawn)) {
      ++seen;
      std::uint32_t pick = drawn + random.below(end - found - drawn);
      if (pick < known) {
        std::swap(order_[drawn++], order_[pick]);
        continue;
      }
      pick += found;
      const std::uint32_t feature = order_[pick];
      if (table_.edges().of(feature).empty() ||
          !policy_.evaluate(column(at.level, feature),
                            column(at.level, likely_next(known, found, drawn, end, pick, random)),
                            config_.min_leaf, feature, best)) {
        std::swap(order_[pick], order_[known + found++]);
        continue;
      }
      std::swap(order_[--end], order_[pick]);
      if (policy_.is_perfect(best)) break;
    }
    std::copy_n(constants_.begin(), known, order_.begin());
    std::copy_n(order_.begin() + known, found, constants_.begin() + known);
    at.constants = known + found;
    return best;
  }

  // What best_split() draws after `pick` unless that turns out constant or ends the search.
  std::uint32_t likely_next(std::uint32_t known, std::uint32_t found, std::uint32_t drawn, std::uint32_t end,
                            std::uint32_t pick, Random random) const {
    --end;
    if (end <= found + drawn) return order_[pick];
    std::uint32_t next = drawn + random.below(end - found - drawn);
    if (next >= known) next += found;
    return order_[next == pick ? end : next];
  }

  // Keeps the order on both sides, so that rows stay ascending and column reads stay local.
  std::uint32_t partition(std::span<Sample> here, const std::uint8_t* column, std::uint8_t left_bin) {
    std::uint32_t left = 0, right = 0;
    for (const Sample& sample : here) {
      const bool goes_right = column[sample.at] > left_bin;
      here[left] = sample;
      spare_[right] = sample;
      right += goes_right ? 1 : 0;
      left += goes_right ? 0 : 1;
    }
    std::copy_n(spare_.begin(), right, here.begin() + left);
    return left;
  }

  const BinnedTable& table_;
  const ForestConfig& config_;
  Policy policy_;
  std::uint32_t tries_ = 1;
  std::vector<Sample> samples_, spare_;
  std::vector<std::uint32_t> order_, constants_;
  // Of 16,384 rows of 1,066 features: 17 MB; of 512: what the second-level cache holds.
  std::array<RowBlock, 2> blocks_ = {RowBlock(16384), RowBlock(512)};
};

}  // namespace bragglive::detail
