#include "core/train/extra_forests.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "core/train/pattern_rows.hpp"

namespace bragglive {

std::vector<std::uint32_t> group_numbers(const Dataset& data) {
  std::map<std::string_view, std::uint32_t> known;
  std::vector<std::uint32_t> out;
  for (const Material& material : data.materials)
    out.push_back(known.try_emplace(material.group, static_cast<std::uint32_t>(known.size())).first->second);
  return out;
}

std::vector<std::uint32_t> dense(std::vector<std::uint32_t> numbers) {
  std::map<std::uint32_t, std::uint32_t> known;
  for (std::uint32_t& n : numbers)
    n = known.try_emplace(n, static_cast<std::uint32_t>(known.size())).first->second;
  return numbers;
}

FinishedForest finished(TrainedForest trained) {
  ConfidenceTable table = fit_confidence(trained.out_of_bag_probability, trained.out_of_bag_right);
  return {std::move(trained.forest), {trained.out_of_bag_accuracy, std::move(table)}};
}

Expected<std::vector<std::uint32_t>> features_left(const ModelTrainConfig& config,
                                                   std::span<const std::string> names) {
  std::vector<std::uint32_t> left;
  if (config.without.empty() && config.only.empty()) return left;
  const auto begins = [](const std::string& name, const std::vector<std::string>& words) {
    return std::any_of(words.begin(), words.end(), [&](const auto& word) { return name.starts_with(word); });
  };
  for (const auto* words : {&config.without, &config.only})
    for (const std::string& word : *words)
      if (std::none_of(names.begin(), names.end(), [&](const auto& name) { return name.starts_with(word); }))
        return fail(ErrorArea::usage, "training: the name of no feature begins with '{}' ('{}' … '{}')", word,
                    names.front(), names.back());
  for (std::uint32_t f = 0; f < names.size(); ++f)
    if (!begins(names[f], config.without) && (config.only.empty() || begins(names[f], config.only)))
      left.push_back(f);
  if (left.empty()) return fail(ErrorArea::usage, "training: no feature is left");
  return left;
}

ForestConfig for_table(ForestConfig config, const ModelTrainConfig& with, std::span<const std::string> names,
                       std::string stage) {
  config.threads = with.threads;
  config.seed = with.seed;
  // What is wrong with the words was said before the first table was made.
  if (auto left = features_left(with, names)) config.features = std::move(*left);
  const std::size_t features = config.features.empty() ? names.size() : config.features.size();
  config.features_per_split =
      std::min<std::uint32_t>(config.features_per_split, static_cast<std::uint32_t>(features));
  if (with.progress)
    config.progress = [&with, stage = std::move(stage), trees = config.trees](std::uint32_t done) {
      with.progress(stage, done, trees);
    };
  return config;
}

Expected<FinishedForest> train_quality(const QualityRows& source, std::span<const std::string> names,
                                       const ModelTrainConfig& config) {
  const auto table = make_feature_table(source, {}, [&](std::uint64_t done, std::uint64_t all) {
    if (config.progress) config.progress("features of mixed patterns", done, all);
  });
  if (!table) return tl::unexpected(table.error());
  std::vector<std::uint32_t> rows;
  std::vector<std::uint8_t> classes;
  for (std::uint32_t row = 0; row < table->usable.size(); ++row) {
    if (!table->usable[row]) continue;
    rows.push_back(row);
    classes.push_back(static_cast<std::uint8_t>(QualityRows::kind_of(row)));
  }
  constexpr std::uint16_t k_labels[] = {0, 1, 2};
  auto trained = train_classifier(table->table, {rows, classes, k_labels},
                                  for_table(config.quality, config, names, "mixed patterns"));
  if (!trained) return tl::unexpected(trained.error());
  return finished(std::move(*trained));
}

Expected<FinishedForest> train_merged(const Dataset& data, const Selection& selection,
                                      const GroupFeatureSet& features, const DetectionModel& detection,
                                      const ModelTrainConfig& config) {
  std::map<std::uint32_t, std::vector<std::uint32_t>> of_material;
  for (const std::uint32_t pattern : selection.patterns)
    of_material[data.material[pattern]].push_back(pattern);
  std::vector<std::vector<std::uint32_t>> groups;
  std::vector<std::uint32_t> material;
  for (auto& [number, patterns] : of_material)
    if (patterns.size() >= 2) groups.push_back(std::move(patterns)), material.push_back(number);
  if (groups.empty())
    return fail(ErrorArea::shape,
                "training: no material has two patterns, so nothing can be learnt of groups of patterns");
  const GroupRows source(data, groups, features, detection, config.merged_copies, config.min_disks,
                         config.seed);
  const auto table = make_feature_table(source, {}, [&](std::uint64_t done, std::uint64_t all) {
    if (config.progress) config.progress("features of groups", done, all);
  });
  if (!table) return tl::unexpected(table.error());
  const std::vector<std::uint32_t> group_of_material = group_numbers(data);
  std::vector<std::uint32_t> rows, bags;
  std::vector<std::uint16_t> labels;
  std::set<std::uint16_t> systems;
  for (const std::uint32_t m : material) systems.insert(static_cast<std::uint16_t>(data.materials[m].system));
  labels.assign(systems.begin(), systems.end());
  std::vector<std::uint8_t> classes;
  for (std::uint32_t row = 0; row < table->usable.size(); ++row) {
    if (!table->usable[row]) continue;
    const std::uint32_t m = material[row % groups.size()];
    rows.push_back(row);
    bags.push_back(group_of_material[m]);
    classes.push_back(static_cast<std::uint8_t>(
        std::lower_bound(labels.begin(), labels.end(), static_cast<std::uint16_t>(data.materials[m].system)) -
        labels.begin()));
  }
  bags = dense(std::move(bags));
  ForestConfig forest = for_table(config.merged_system, config, features.names(), "groups of patterns");
  forest.out_of_bag = true;
  auto trained = train_classifier(table->table, {rows, classes, labels, bags}, forest);
  if (!trained) return tl::unexpected(trained.error());
  return finished(std::move(*trained));
}

}  // namespace bragglive
