// How often a specimen model names the right phase, and refuses what is none of its phases.
#pragma once
#include <cstdint>
#include <vector>

#include "core/label/crystal_model_file.hpp"
#include "core/train/evaluation.hpp"

namespace bragglive {

constexpr std::uint32_t k_enough_spots = 8;  // without the direct beam

struct SpecimenEvaluation {
  std::vector<std::string> names;              // [0] none of these
  std::vector<std::vector<double>> confusion;  // patterns; rows true, columns said
  Share right;                                 // patterns of candidates with k_enough_spots or more
  Share right_few;                             // with fewer
  // The confidence that 95 % of the patterns of candidates (k_enough_spots or more) reach for their own
  // phase; 0 counts for a wrong answer.
  double confidence_of_95 = 0;
  Share refused;      // patterns of other materials: no phase named
  Share turned_away;  // no phase named, or with less than confidence_of_95
  Curve by_confidence{{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}};
  Curve by_spots{{7, 10, 15, 20, 30, 50}};
  Curve by_thickness{{5, 10, 20.5, 30, 50, 75, 100}};
  std::uint64_t patterns = 0, too_few_disks = 0;
};

// A material of the data is a candidate when formula, space group and lattice (0.5 %) are those of a phase.
// Materials that share a phase's space group and lattice but not its formula are left out: no pattern tells
// them apart.
Expected<SpecimenEvaluation> evaluate_specimen(const CrystalModelParts& model, const Dataset& data,
                                               const EvaluationConfig& config);

struct ReportContext;
// report.json and report.html of a specimen model.
Expected<void> write_specimen_report(const std::filesystem::path& folder,
                                     const SpecimenEvaluation& evaluation, const ReportContext& context);

}  // namespace bragglive
