// Specimen models: from the CIF files of the phases that may be there to a model that says which of them a
// pattern shows.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "core/train/candidate_phases.hpp"
#include "core/train/forest_trainer.hpp"
#include "core/train/model_trainer.hpp"

namespace bragglive {

struct SpecimenConfig {
  // Zone axes anywhere in the sector, two thicknesses each; a share of the zones is left for calibrating the
  // confidence.
  int zones_per_phase = 1500;
  int other_crystals = 800, zones_per_other = 12;
  double thickness_low_nm = 4, thickness_high_nm = 120;
  double voltage_kv = 300;
  std::vector<std::string> noise = {"field", "detector"};  // every pattern once with each
  std::uint32_t min_disks = 5;
  ForestConfig forest;
  std::uint64_t seed = 32;
  unsigned threads = 0;
  std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)> progress;
  SpecimenConfig() {
    forest.trees = 120;
    forest.max_depth = 40;
    forest.min_leaf = 4;
    forest.features_per_split = 12;
    forest.out_of_bag = true;
  }
};

struct SpecimenScores {
  std::uint64_t patterns = 0;
  double out_of_bag = -1;  // share right, all classes
};

struct TrainedSpecimen {
  CrystalModelParts parts;
  SpecimenScores scores;
};

// Labels of the forest: 0 none of them, 1.. the candidates in their order.
Expected<TrainedSpecimen> train_specimen_model(std::span<const std::filesystem::path> cif_files,
                                               const SpecimenConfig& config);

}  // namespace bragglive
