// The forests of the hierarchy: crystal system, then space group and lattice of each system.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "core/train/checkpoint.hpp"
#include "core/train/extra_forests.hpp"
#include "core/train/feature_table.hpp"
#include "core/train/model_trainer.hpp"

namespace bragglive {

struct HierarchyInput {
  const Dataset& data;
  const FeatureTable& table;  // row = copy * patterns + index into selection.patterns
  const ModelTrainConfig& config;
  const Selection& selection;
  std::span<const std::string> names;  // of the features
  const Checkpoint& checkpoint;
};

// The feature that measures the length of a cubic lattice so well that its forest need only say which
// multiple: its value is to be kept when the table is made.
std::optional<std::size_t> length_feature(std::span<const std::string> names);

// Returns the number of rows that were learnt from; 0: none could be used, nothing was trained.
Expected<std::size_t> train_hierarchy(const HierarchyInput& input, CrystalModelParts& parts,
                                      ModelScores& scores);

}  // namespace bragglive
