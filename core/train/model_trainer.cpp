#include "core/train/model_trainer.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <set>

#include "core/features/definition.hpp"
#include "core/train/checkpoint.hpp"
#include "core/train/extra_forests.hpp"
#include "core/train/feature_table.hpp"
#include "core/train/hierarchy_trainer.hpp"
#include "core/train/pattern_rows.hpp"
#include "core/train/quality_patterns.hpp"

namespace bragglive {
namespace {

Selection select_patterns(const Dataset& data, const ModelTrainConfig& config) {
  Selection out;
  for (std::uint32_t i = 0; i < data.patterns(); ++i) {
    const Material& material = data.materials[data.material[i]];
    if (material.split == k_split_test && !config.use_test) continue;
    if (material.system == CrystalSystem::triclinic && !config.triclinic) continue;
    const bool held_back = is_validation_group(material.group, config.validation_share);
    (held_back ? out.validation : out.patterns).push_back(i);
  }
  return out;
}

double validate(const RowSource& rows, const Forest& forest, const Dataset& data,
                const std::vector<std::uint32_t>& patterns) {
  std::atomic<std::uint64_t> right{0}, asked{0};
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, patterns.size(), 256), [&](const auto& range) {
    const auto scratch = rows.make_scratch();
    Forest::Scratch forest_scratch;
    std::vector<float> values(rows.width());
    std::vector<double> probability(forest.outputs());
    std::vector<std::uint16_t> votes(forest.outputs());
    for (std::size_t i = range.begin(); i < range.end(); ++i) {
      if (!rows.compute(i, *scratch, values)) continue;
      const float* pointer = values.data();
      forest.classify(std::span(&pointer, 1), forest_scratch, probability, votes);
      const std::uint16_t label = forest.parts().labels[arg_max(probability)];
      ++asked;
      if (label == static_cast<std::uint16_t>(data.materials[data.material[patterns[i]]].system)) ++right;
    }
  });
  return static_cast<double>(right) / static_cast<double>(std::max<std::uint64_t>(1, asked));
}

// Whatever would make another model.
std::uint64_t digest_of(const Dataset& data, const ModelTrainConfig& c, const std::string& features) {
  std::string text =
      fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {}", features, c.noise, c.copies, c.use_test,
                  c.triclinic, c.min_disks, c.validation_share, c.seed, c.bootstrap_materials, c.quality_rows,
                  c.merged, c.merged_copies, data.qx.size());
  for (const ForestConfig* f : {&c.system, &c.space_group, &c.lattice, &c.quality, &c.merged_system})
    text += fmt::format(" {} {} {} {} {}", f->trees, f->max_depth, f->min_leaf, f->features_per_split,
                        f->median_leaves);
  for (const auto* words : {&c.without, &c.only})
    for (const std::string& word : *words) text += " /" + word;
  text += c.only.empty() ? "" : " only";
  for (const float scale : c.lattice_scale) text += fmt::format(" {}", scale);
  for (const std::string& settings : data.settings) text += settings;
  return hash_of_definition(text);
}

}  // namespace

bool is_validation_group(const std::string& group, double share) {
  return static_cast<double>(hash_of_definition(group) >> 11) < share * 0x1p53;
}

ModelTrainConfig paper_config() {
  ModelTrainConfig config;
  config.features = "polar";
  config.bootstrap_materials = false;
  config.quality_rows = 0;
  config.system.trees = 80, config.system.max_depth = 40;
  config.space_group.trees = 128, config.space_group.max_depth = 30;
  config.lattice.trees = 80, config.lattice.max_depth = 100;
  return config;
}

ModelTrainConfig compact_config() {
  ModelTrainConfig config;
  for (ForestConfig* forest :
       {&config.system, &config.space_group, &config.lattice, &config.quality, &config.merged_system}) {
    forest->max_depth = 40;
    forest->min_leaf = 10;
    forest->features_per_split = 40;
  }
  config.system.trees = 80;
  config.space_group.trees = 48;
  config.lattice.trees = 48;
  config.quality.trees = 40;
  config.merged_system.trees = 80;
  config.merged_system.features_per_split = 80;
  // Candidates are off by simple factors: the mean of factors is no factor.
  config.lattice.median_leaves = true;
  return config;
}

namespace {

Expected<void> check(const ModelTrainConfig& config) {
  if (config.copies < 1 || config.copies > 1000)
    return fail(ErrorArea::usage, "training: {} copies of each pattern, 1 to 1000 are possible",
                config.copies);
  if (!(config.validation_share >= 0 && config.validation_share <= 0.9))
    return fail(ErrorArea::usage, "training: a validation share of {} must lie in [0, 0.9]",
                config.validation_share);
  return {};
}

struct Training {
  Dataset& data;
  const ModelTrainConfig& config;
  const FeatureSet& features;
  const DetectionModel& detection;
  Checkpoint& checkpoint;
  Selection selection = select_patterns(data, config);

  bool wants_quality() const { return config.quality_rows > 0 && config.quality.trees > 0; }
  bool wants_spots_behind_hierarchy() const {
    return wants_quality() || !selection.validation.empty() || !config.merged.empty();
  }
};

// Gives the number of rows. The table of features, the largest thing of all, is gone when it returns.
Expected<std::size_t> train_on_single_patterns(const Training& in, TrainedModel& out) {
  const ModelTrainConfig& config = in.config;
  const PatternRows source(in.data, in.selection.patterns, in.features, in.detection, config.copies,
                           config.min_disks, config.seed);
  if (source.rows() >= std::size_t{k_max_leaf_count})
    return fail(ErrorArea::shape, "training: {} patterns with copies, at most {} are possible", source.rows(),
                k_max_leaf_count);
  const auto names = in.features.names();
  if (auto left = features_left(config, names); !left) return tl::unexpected(left.error());
  const LatticeLengths lengths(names);
  const auto table =
      make_feature_table(source, lengths.features(), [&](std::uint64_t done, std::uint64_t all) {
        if (config.progress) config.progress("features", done, all);
      });
  if (!table) return tl::unexpected(table.error());
  if (!in.wants_spots_behind_hierarchy()) in.data.forget_spots();
  return train_hierarchy({in.data, *table, config, in.selection, names, lengths, in.checkpoint}, out.parts,
                         out.scores);
}

Expected<void> train_all(const Training& in, TrainedModel& out) {
  const auto& [data, config, features, detection, checkpoint, selection] = in;
  const auto nothing_left = [&] {
    return fail(ErrorArea::shape, "training: no pattern is left (train split, {} disks or more{})",
                config.min_disks, config.triclinic ? "" : ", not triclinic");
  };
  if (selection.patterns.empty()) return nothing_left();
  const auto learnt = train_on_single_patterns(in, out);
  if (!learnt) return tl::unexpected(learnt.error());
  if (*learnt == 0) return nothing_left();
  if (in.wants_quality()) {
    const auto make = [&] {
      return train_quality(QualityRows(data, selection.patterns, features, detection, config.quality_rows,
                                       config.min_disks, config.seed),
                           features.names(), config);
    };
    if (auto quality = checkpoint.get("quality", make, out.parts.quality); !quality)
      return tl::unexpected(quality.error());
  }
  if (!config.merged.empty()) {
    const auto group_features = make_group_feature_set(config.merged);
    if (!group_features) return tl::unexpected(group_features.error());
    const auto make = [&] { return train_merged(data, selection, **group_features, detection, config); };
    const auto merged = checkpoint.get("merged.system", make, out.parts.merged_system);
    if (!merged) return tl::unexpected(merged.error());
    out.parts.merged_features = (*group_features)->definition();
    out.scores.merged_out_of_bag = merged->accuracy;
  }
  if (auto back = checkpoint.bring_back(); !back) return back;
  std::set<std::uint32_t> materials;
  for (const std::uint32_t pattern : selection.patterns) materials.insert(data.material[pattern]);
  out.scores.materials = materials.size();
  out.scores.patterns = *learnt;
  out.scores.validation_patterns = selection.validation.size();
  if (!selection.validation.empty()) {
    const PatternRows held_back(data, selection.validation, features, detection, 1, config.min_disks,
                                config.seed);
    out.scores.validation_accuracy = validate(held_back, *out.parts.system, data, selection.validation);
  }
  return {};
}

}  // namespace

Expected<TrainedModel> train_crystal_model(Dataset data, const ModelTrainConfig& config) {
  if (auto good = check(config); !good) return tl::unexpected(good.error());
  const auto features = make_feature_set(config.features);
  if (!features) return tl::unexpected(features.error());
  const auto detection = detection_preset(config.noise);
  if (!detection) return tl::unexpected(detection.error());
  TrainedModel out;
  out.parts.features = (*features)->definition();
  Checkpoint checkpoint(config.checkpoint, digest_of(data, config, out.parts.features));
  Expected<void> done;
  tbb::task_arena arena(config.threads == 0 ? tbb::task_arena::automatic : static_cast<int>(config.threads));
  arena.execute([&] { done = train_all({data, config, **features, *detection, checkpoint}, out); });
  if (!done) return tl::unexpected(done.error());
  return out;
}

}  // namespace bragglive
