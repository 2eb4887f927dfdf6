// A model asked about patterns of a data set, as a detector would deliver them.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/label/group_model.hpp"
#include "core/train/evaluation.hpp"

namespace bragglive {

// What the forests say about one pattern, kept until its material is put together.
struct PatternAnswer {
  std::uint32_t pattern = 0;
  bool usable = false;
  std::uint32_t disks = 0;
  PatternLabel label;
  SystemProbabilities probability{};
};

class PatternAsker {
 public:
  // `group`: also asked, for what is put together later; null = not.
  PatternAsker(const CrystalModel& model, const GroupModel* group, const Dataset& data,
               const DetectionModel& detection, const EvaluationConfig& config)
      : model_(model), group_(group), data_(data), detection_(detection), config_(config) {}

  struct Scratch {
    std::unique_ptr<FeatureSet::Scratch> features;
    std::unique_ptr<CrystalModel::Scratch> model;
    BraggList peaks;
    std::vector<float> values;
  };
  Scratch make_scratch() const {
    return {model_.features().make_scratch(),
            model_.make_scratch(),
            {},
            std::vector<float>(model_.features().size())};
  }

  // The pattern as it is measured: the same each time.
  void measured(std::uint32_t pattern, BraggList& out) const {
    CounterRandom random(random_key(config_.seed, pattern));
    data_.copy_pattern(pattern, out);
    apply_detection(detection_, random, out);
  }

  void ask(std::uint32_t pattern, Scratch& work, PatternAnswer& answer) const {
    answer.pattern = pattern;
    measured(pattern, work.peaks);
    answer.disks = static_cast<std::uint32_t>(work.peaks.size());
    if (work.peaks.size() < config_.min_disks) return;
    answer.usable = true;
    model_.features().compute(work.peaks, work.features.get(), work.values);
    model_.predict(work.values, *work.model, std::span(&answer.label, 1));
    if (group_) answer.probability = group_->ask_one(work.values);
  }

 private:
  const CrystalModel& model_;
  const GroupModel* group_;
  const Dataset& data_;
  const DetectionModel& detection_;
  const EvaluationConfig& config_;
};

}  // namespace bragglive
