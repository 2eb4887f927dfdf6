// From data sets to a crystal model: features of every pattern as a detector would deliver it, then up to 13
// forests.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/label/crystal_model_file.hpp"
#include "core/train/dataset.hpp"
#include "core/train/detection_model.hpp"
#include "core/train/forest_trainer.hpp"

namespace bragglive {

struct ModelTrainConfig {
  std::string features = "indexing";
  std::string noise = "none";  // detection_preset() applied on top of what the data set holds
  std::uint32_t copies = 1;    // of every pattern, each with its own noise
  bool use_test = false;       // also learn from materials on the test side of the split
  bool triclinic = false;      // a seventh system
  // Features whose names begin so are not looked at; or (only) no others are. For ablations: the model still
  // reads vectors of all features.
  std::vector<std::string> without, only;
  // Trees of the system forest draw whole material groups: what a tree has not seen then tells honestly how
  // it does on new materials, and the confidence is calibrated with it.
  bool bootstrap_materials = true;
  std::size_t quality_rows = 60000;  // single, mixed and unlike patterns; 0 = no quality forest
  std::string merged;  // definition of features of several patterns; empty = no forest for groups
  std::uint32_t merged_copies = 12;  // groups drawn of every material
  std::uint32_t min_disks = 5;       // patterns with fewer are not used, as they are not labelled
  double validation_share = 0;       // of the material groups: held back and scored
  ForestConfig system, space_group, lattice, quality, merged_system;
  std::uint64_t seed = 32;
  unsigned threads = 0;
  // Lattice errors are divided by these before they are added up: lengths in Å, angles in degrees.
  std::array<float, 6> lattice_scale{1, 1, 1, 10, 10, 10};
  // Folder where finished forests are kept until the model is whole: the same training started again goes on
  // behind them. Empty: none. The caller removes it when the model is saved.
  std::filesystem::path checkpoint;
  std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)> progress;
};

// The paper's hyperparameters (80 trees of depth 40; 128 of 30; 80 of 100; one sample per leaf; square root
// of the features).
ModelTrainConfig paper_config();
// Small forests for the indexing features: leaves of several samples, a third of the features per split.
ModelTrainConfig compact_config();

struct ModelScores {
  std::uint64_t materials = 0, patterns = 0;  // learnt from, copies counted
  std::uint64_t validation_patterns = 0;
  double validation_accuracy = -1;  // crystal system, one pattern
  double out_of_bag = -1;           // crystal system, one pattern of a material that the trees had not seen
  double merged_out_of_bag = -1;    // the same for groups
};

struct TrainedModel {
  CrystalModelParts parts;
  ModelScores scores;
};

// Fails when nothing is left to learn from. Systems without a pattern get no forests; a system with one space
// group gets one that always says it.
Expected<TrainedModel> train_crystal_model(Dataset data, const ModelTrainConfig& config);

// true: the group of this material is held back for validation. A fixed function of the group's name.
bool is_validation_group(const std::string& group, double share);

}  // namespace bragglive
