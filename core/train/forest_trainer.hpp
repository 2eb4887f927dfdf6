// Trains random forests (Breiman 2001) on binned features: bootstrap per tree, a random draw of features per
// split, Gini impurity for classes and squared error for vectors. The same seed gives the same forest
// whatever the number of threads.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/forest/forest.hpp"
#include "core/train/binned_table.hpp"

namespace bragglive {

struct ForestConfig {
  std::uint32_t trees = 80;
  std::uint32_t max_depth = 40;
  std::uint32_t min_leaf = 1;            // training samples per leaf, bootstrap copies counted
  std::uint32_t features_per_split = 0;  // 0 = square root of their number, rounded down; at most that number
  std::vector<std::uint32_t> features;   // that cuts may look at, each once; empty = all
  bool bootstrap = true;
  std::uint64_t seed = 32;
  unsigned threads = 0;        // 0 = all
  bool median_leaves = false;  // regression: a leaf holds the median of its samples, not the mean
  bool out_of_bag = false;     // also ask every row of the trees that did not see it
  std::function<void(std::uint32_t done)> progress;  // from any thread, after each tree
};

// Which rows of the table, and what they are. Rows that occur twice count twice.
struct ClassTargets {
  std::span<const std::uint32_t> rows;    // into the table
  std::span<const std::uint8_t> classes;  // per entry of rows, < labels.size()
  std::span<const std::uint16_t> labels;
  // Per entry of rows; not empty: the bootstrap draws whole groups, so that a tree which has not seen a row
  // has seen nothing of its group. Numbers below rows.size().
  std::span<const std::uint32_t> groups = {};
};
struct VectorTargets {
  std::span<const std::uint32_t> rows;
  std::span<const float> values;  // (rows, outputs)
  std::uint32_t outputs = 0;
  std::span<const std::uint16_t> scale_feature;  // see ForestParts; `values` are then the multiples already
  std::span<const float>
      scale;  // per output: errors are divided by it before they are added up; empty = all 1
};

struct TrainedForest {
  Forest forest;
  // Classification with out_of_bag, of the rows that some tree did not see: share right; the probability of
  // the label that those trees give, and whether it is right.
  double out_of_bag_accuracy = -1;
  std::vector<float> out_of_bag_probability;
  std::vector<std::uint8_t> out_of_bag_right;
};

// Fail on an empty or inconsistent input. A class without rows is allowed: it is never predicted.
Expected<TrainedForest> train_classifier(const BinnedTable& table, const ClassTargets& targets,
                                         const ForestConfig& config);
Expected<TrainedForest> train_regressor(const BinnedTable& table, const VectorTargets& targets,
                                        const ForestConfig& config);

}  // namespace bragglive
