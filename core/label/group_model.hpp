// The crystal system (or phase) of several patterns of one crystal: the forest for groups, if the model has
// one, together with what the patterns say one by one.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/label/crystal_model_file.hpp"
#include "core/label/group_features.hpp"

namespace bragglive {

// Index = CrystalSystem; with a specimen model index = phase, 0 = none of these.
using SystemProbabilities = std::array<float, k_crystal_systems>;

struct GroupLabel {
  CrystalSystem system = CrystalSystem::none;  // none: no pattern
  std::uint8_t phase = 0;                      // of a specimen model; 0 = none of these
  SystemProbabilities probability{};           // adds up to 1
  float confidence = 0;                        // the winner's
};

class GroupModel {
 public:
  struct Rule {
    // Each pattern's log probability counts this much beside that of the forest for groups. Between 0.2 and
    // 1 the answers are equally good; 0 loses a point. Without such a forest the patterns decide alone.
    double share_of_one = 0.5;
  };

  // `parts` must outlive this. Fails when the forest for groups reads other features than are named.
  static Expected<GroupModel> create(const CrystalModelParts& parts, Rule rule);
  static Expected<GroupModel> create(const CrystalModelParts& parts) { return create(parts, Rule{}); }

  bool has_forest() const { return features_ != nullptr; }
  // Mean leaf probabilities of one pattern by the system forest; `features`: of the model.
  SystemProbabilities ask_one(std::span<const float> features) const;
  // `patterns` in 1/Å and what ask_one() said of each.
  GroupLabel ask(std::span<const BraggList> patterns, std::span<const SystemProbabilities> each) const;

 private:
  GroupModel(const CrystalModelParts& parts, std::shared_ptr<const GroupFeatureSet> features, Rule rule)
      : parts_(&parts), features_(std::move(features)), rule_(rule) {}

  const CrystalModelParts* parts_;
  std::shared_ptr<const GroupFeatureSet> features_;
  Rule rule_;
};

}  // namespace bragglive
