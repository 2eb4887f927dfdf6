// How often a model is right on a data set: the numbers of the report.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/label/crystal_model_file.hpp"
#include "core/label/group_model.hpp"
#include "core/train/dataset.hpp"
#include "core/train/detection_model.hpp"
#include "core/train/scores.hpp"

namespace bragglive {

constexpr std::size_t k_aggregated = 10;  // patterns of one material that are put together

struct EvaluationConfig {
  std::string noise = "none";  // detection_preset() on top of what the data set holds
  bool all_materials = false;  // also those that are not on the test side of the split
  std::uint32_t min_disks = 5;
  double merged_share_of_one = GroupModel::Rule{}.share_of_one;
  bool stress = true;  // also the curves over errors of the measurement, on some 1000 of the patterns
  std::uint64_t seed = 7;
  unsigned threads = 0;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

struct Evaluation {
  // One pattern; the paper's difference aggregation of ten; ours of ten (GroupModel).
  SystemScores individual, aggregate10, merged10;
  // Space group and lattice by the predicted system, whose forests answered (the paper's Figure 5).
  std::array<Share, k_crystal_systems> group_individual{}, group_aggregate10{};
  LengthGuesses lattice_individual{}, lattice_aggregate10{};
  Curve by_confidence{{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}};
  Curve by_spots{{7, 10, 15, 20, 30, 50, 80}};
  Curve by_thickness{{5, 10, 20.5, 30, 50, 75, 100}};
  std::uint64_t materials = 0, patterns = 0, too_few_disks = 0;
  bool merged_by_forest = false;  // the model's forest for groups of patterns took part in merged10
  // The quality forest on single, mixed and unlike patterns made of the test materials: area under the curve;
  // NaN without such a forest.
  double mixed_auc = std::numeric_limits<double>::quiet_NaN(), outlier_auc = mixed_auc;
  // Single patterns with an error of the measurement made larger or smaller, the rest as configured.
  struct Stress {
    std::string what;  // "position error, 1/Å", …
    std::vector<std::pair<double, Share>> at;
  };
  std::vector<Stress> stress;

  // Mean of |confidence - share right| over the classes of by_confidence, weighted by their patterns.
  double calibration_error() const;
};

// Fails when no pattern is left.
Expected<Evaluation> evaluate_model(const CrystalModelParts& model, const Dataset& data,
                                    const EvaluationConfig& config);

}  // namespace bragglive
