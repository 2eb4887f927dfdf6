// The forests of the hierarchy: crystal system, then space group and lattice of each system.
#pragma once
#include <span>
#include <string>

#include "core/train/checkpoint.hpp"
#include "core/train/extra_forests.hpp"
#include "core/train/feature_table.hpp"
#include "core/train/lattice_lengths.hpp"
#include "core/train/model_trainer.hpp"

namespace bragglive {

struct HierarchyInput {
  const Dataset& data;
  const FeatureTable& table;  // row = copy * patterns + index into selection.patterns
  const ModelTrainConfig& config;
  const Selection& selection;
  std::span<const std::string> names;  // of the features
  const LatticeLengths& lengths;       // whose features the table has kept
  Checkpoint& checkpoint;              // brings the forests back
};

// Returns the number of rows that were learnt from; 0: none could be used, nothing was trained.
Expected<std::size_t> train_hierarchy(const HierarchyInput& input, CrystalModelParts& parts,
                                      ModelScores& scores);

}  // namespace bragglive
