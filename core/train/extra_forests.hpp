// The forests of a model beside the hierarchy: quality of a pattern, crystal system of a group of patterns;
// and what all of them are trained with.
#pragma once
#include <string>
#include <vector>

#include "core/label/group_features.hpp"
#include "core/train/checkpoint.hpp"
#include "core/train/model_trainer.hpp"
#include "core/train/quality_patterns.hpp"

namespace bragglive {

// Patterns of the data to learn from, and those held back.
struct Selection {
  std::vector<std::uint32_t> patterns, validation;
};

// The forest with what its out-of-bag answers say about confidence.
FinishedForest finished(TrainedForest trained);

// Threads, seed, progress, the features that may be looked at and a possible number of them per split.
ForestConfig for_table(ForestConfig config, const ModelTrainConfig& with, std::span<const std::string> names,
                       std::string stage);

// Numbers of the features that without and only leave; empty = all of them. Fails when a word begins no name
// or nothing is left.
Expected<std::vector<std::uint32_t>> features_left(const ModelTrainConfig& config,
                                                   std::span<const std::string> names);

// A number for every group of materials, by order of appearance.
std::vector<std::uint32_t> group_numbers(const Dataset& data);
// The same with numbers that have no gaps: at most as many as there are entries.
std::vector<std::uint32_t> dense(std::vector<std::uint32_t> numbers);

// Single, mixed and unlike patterns.
Expected<FinishedForest> train_quality(const QualityRows& source, std::span<const std::string> names,
                                       const ModelTrainConfig& config);

// One forest over groups of patterns of a material. Fails when no material has two patterns.
Expected<FinishedForest> train_merged(const Dataset& data, const Selection& selection,
                                      const GroupFeatureSet& features, const DetectionModel& detection,
                                      const ModelTrainConfig& config);

}  // namespace bragglive
