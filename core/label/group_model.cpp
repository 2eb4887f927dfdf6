#include "core/label/group_model.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive {
namespace {

constexpr double k_least_probability = 1e-3;  // no pattern rules a system out for good

SystemProbabilities ask_forest(const Forest& forest, const float* row) {
  std::vector<double> probability(forest.outputs());
  std::vector<std::uint16_t> votes(forest.outputs());
  Forest::Scratch scratch;
  forest.classify(std::span(&row, 1), scratch, probability, votes);
  SystemProbabilities out{};
  for (std::size_t k = 0; k < probability.size(); ++k)
    out[forest.parts().labels[k] % out.size()] = static_cast<float>(probability[k]);
  return out;
}

void add_logarithms(const SystemProbabilities& probability, double weight,
                    std::array<double, k_crystal_systems>& sum) {
  for (std::size_t k = 0; k < sum.size(); ++k)
    sum[k] += weight * std::log(static_cast<double>(probability[k]) + k_least_probability);
}

}  // namespace

Expected<GroupModel> GroupModel::create(const CrystalModelParts& parts, Rule rule) {
  if (!parts.merged_system) return GroupModel(parts, nullptr, rule);
  auto features = make_group_feature_set(parts.merged_features);
  if (!features) return tl::unexpected(features.error());
  if ((*features)->size() != parts.merged_system->parts().features)
    return fail(ErrorArea::format,
                "model: the forest for groups of patterns reads {} features, '{}' makes {}",
                parts.merged_system->parts().features, parts.merged_features, (*features)->size());
  return GroupModel(parts, std::move(*features), rule);
}

SystemProbabilities GroupModel::ask_one(std::span<const float> features) const {
  return ask_forest(*parts_->system, features.data());
}

GroupLabel GroupModel::ask(std::span<const BraggList> patterns,
                           std::span<const SystemProbabilities> each) const {
  GroupLabel out;
  if (each.empty()) return out;
  std::array<double, k_crystal_systems> sum{};
  // One pattern is no group: the forest has not learnt from such.
  const bool ask_group = features_ && patterns.size() > 1;
  for (const SystemProbabilities& one : each) add_logarithms(one, ask_group ? rule_.share_of_one : 1, sum);
  if (ask_group) {
    std::vector<float> values(features_->size());
    features_->compute(patterns, *features_->make_scratch(), values);
    add_logarithms(ask_forest(*parts_->merged_system, values.data()), 1, sum);
  }
  // Only what the forest can answer takes part: 0 is an answer of specimen models alone.
  const auto& labels = parts_->system->parts().labels;
  const auto sum_of = [&](std::uint16_t label) { return sum[label % sum.size()]; };
  std::uint16_t best = labels.front();
  for (const std::uint16_t label : labels)
    if (sum_of(label) > sum_of(best)) best = label;
  double total = 0;
  for (const std::uint16_t label : labels) total += std::exp(sum_of(label) - sum_of(best));
  for (const std::uint16_t label : labels)
    out.probability[label % sum.size()] = static_cast<float>(std::exp(sum_of(label) - sum_of(best)) / total);
  out.confidence = static_cast<float>(1 / total);
  if (parts_->phases.empty()) {
    out.system = static_cast<CrystalSystem>(best);
  } else {
    out.phase = static_cast<std::uint8_t>(best);
    if (best > 0) out.system = parts_->phases[best - 1U].system;
  }
  return out;
}

}  // namespace bragglive
