#include "core/train/model_trainer.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>

#include "core/features/definition.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_block = 1024;  // rows whose features are computed before they are cut into bins
constexpr std::size_t k_edge_sample = 60000;  // rows that decide the bins

// Rows of the table: row = copy * patterns + pattern.
class FeatureRows {
 public:
  FeatureRows(const Dataset& data, const FeatureSet& features, const DetectionModel& detection,
              const ModelTrainConfig& config)
      : data_(data), features_(features), detection_(detection), config_(config) {}

  std::size_t size() const { return data_.patterns() * config_.copies; }

  struct Scratch {
    std::unique_ptr<FeatureSet::Scratch> features;
    BraggList peaks;
  };
  Scratch make_scratch() const { return {features_.make_scratch(), {}}; }

  // false: fewer than min_disks are left; `out` is zero.
  bool compute(std::size_t row, Scratch& scratch, std::span<float> out) const {
    const std::size_t pattern = row % data_.patterns(), copy = row / data_.patterns();
    CounterRandom random(random_key(config_.seed, pattern, copy));
    data_.copy_pattern(pattern, scratch.peaks);
    apply_detection(detection_, random, scratch.peaks);
    if (scratch.peaks.size() < config_.min_disks) {
      std::fill(out.begin(), out.end(), 0.0F);
      return false;
    }
    features_.compute(scratch.peaks, scratch.features.get(), out);
    return true;
  }

 private:
  const Dataset& data_;
  const FeatureSet& features_;
  const DetectionModel& detection_;
  const ModelTrainConfig& config_;
};

// The feature that measures the lattice length of a system well enough that its forest need only say which
// multiple.
constexpr std::string_view k_cubic_length = "cubic a";

Expected<BinnedTable> make_table(const FeatureRows& rows, std::size_t width, const ModelTrainConfig& config,
                                 std::vector<std::uint8_t>& usable, std::optional<std::size_t> length_feature,
                                 std::vector<float>& lengths) {
  const std::size_t step = std::max<std::size_t>(1, rows.size() / k_edge_sample);
  const std::size_t sampled = (rows.size() + step - 1) / step;
  std::vector<float> sample(sampled * width);
  std::vector<std::uint8_t> sample_usable(sampled);
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, sampled, 64), [&](const auto& range) {
    auto scratch = rows.make_scratch();
    for (std::size_t i = range.begin(); i < range.end(); ++i)
      sample_usable[i] = rows.compute(i * step, scratch, std::span(sample).subspan(i * width, width)) ? 1 : 0;
  });
  std::vector<float> kept;
  for (std::size_t i = 0; i < sampled; ++i)
    if (sample_usable[i])
      kept.insert(kept.end(), sample.begin() + static_cast<std::ptrdiff_t>(i * width),
                  sample.begin() + static_cast<std::ptrdiff_t>((i + 1) * width));
  if (kept.empty())
    return fail(ErrorArea::shape, "training: no pattern has {} disks or more", config.min_disks);
  auto edges = BinEdges::from_sample(kept, width);
  if (!edges) return tl::unexpected(edges.error());

  BinnedTable table(std::move(*edges), rows.size());
  usable.assign(rows.size(), 0);
  lengths.assign(length_feature ? rows.size() : 0, 0.0F);
  std::atomic<std::uint64_t> done{0};
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, rows.size(), k_block), [&](const auto& range) {
    auto scratch = rows.make_scratch();
    std::vector<float> values(range.size() * width);
    for (std::size_t i = range.begin(); i < range.end(); ++i)
      usable[i] =
          rows.compute(i, scratch, std::span(values).subspan((i - range.begin()) * width, width)) ? 1 : 0;
    table.set_rows(range.begin(), values);
    if (length_feature)
      for (std::size_t i = 0; i < range.size(); ++i)
        lengths[range.begin() + i] = values[i * width + *length_feature];
    const std::uint64_t now = done.fetch_add(range.size()) + range.size();
    if (config.progress) config.progress("features", now, rows.size());
  });
  return table;
}

struct Selection {
  std::vector<std::uint32_t> rows, validation;
};

Selection select_rows(const Dataset& data, const ModelTrainConfig& config,
                      const std::vector<std::uint8_t>& usable) {
  Selection out;
  for (std::size_t row = 0; row < usable.size(); ++row) {
    const Material& material = data.materials[data.material[row % data.patterns()]];
    if (!usable[row] || (material.split == k_split_test && !config.use_test)) continue;
    if (material.system == CrystalSystem::triclinic && !config.triclinic) continue;
    const bool held_back = is_validation_group(material.group, config.validation_share);
    (held_back ? out.validation : out.rows).push_back(static_cast<std::uint32_t>(row));
  }
  return out;
}

class HierarchyTrainer {
 public:
  HierarchyTrainer(const Dataset& data, const BinnedTable& table, const ModelTrainConfig& config,
                   const Selection& selection, std::optional<std::size_t> length_feature,
                   const std::vector<float>& lengths)
      : data_(data),
        table_(table),
        config_(config),
        selection_(selection),
        length_feature_(length_feature),
        lengths_(lengths) {}

  const Material& material_of(std::uint32_t row) const {
    return data_.materials[data_.material[row % data_.patterns()]];
  }

  Expected<void> train(CrystalModelParts& parts) {
    auto system = classifier(selection_.rows, forest_config(config_.system, "crystal system"),
                             [](const Material& m) { return static_cast<std::uint16_t>(m.system); });
    if (!system) return tl::unexpected(system.error());
    parts.system = std::move(*system);
    for (std::size_t s = 1; s < static_cast<std::size_t>(k_crystal_systems); ++s) {
      std::vector<std::uint32_t> rows;
      for (const std::uint32_t row : selection_.rows)
        if (static_cast<std::size_t>(material_of(row).system) == s) rows.push_back(row);
      if (rows.empty()) continue;
      const std::string name(k_crystal_system_names[s]);
      if (config_.space_group.trees > 0) {
        auto group = classifier(rows, forest_config(config_.space_group, name + " space groups"),
                                [](const Material& m) { return m.space_group; });
        if (!group) return tl::unexpected(group.error());
        parts.space_group[s] = std::move(*group);
      }
      if (config_.lattice.trees > 0) {
        const bool scaled = length_feature_ && static_cast<CrystalSystem>(s) == CrystalSystem::cubic;
        auto lattice = regressor(rows, scaled, forest_config(config_.lattice, name + " lattice"));
        if (!lattice) return tl::unexpected(lattice.error());
        parts.lattice[s] = std::move(*lattice);
      }
    }
    return {};
  }

 private:
  ForestConfig forest_config(ForestConfig config, std::string stage) const {
    config.threads = config_.threads;
    config.seed = config_.seed;
    config.features_per_split =
        std::min<std::uint32_t>(config.features_per_split, static_cast<std::uint32_t>(table_.features()));
    if (config_.progress)
      config.progress = [this, stage, trees = config.trees](std::uint32_t done) {
        config_.progress(stage, done, trees);
      };
    return config;
  }

  template <class LabelOf>
  Expected<Forest> classifier(const std::vector<std::uint32_t>& rows, const ForestConfig& config,
                              LabelOf label_of) const {
    std::set<std::uint16_t> found;
    for (const std::uint32_t row : rows) found.insert(label_of(material_of(row)));
    const std::vector<std::uint16_t> labels(found.begin(), found.end());
    std::vector<std::uint8_t> classes;
    classes.reserve(rows.size());
    for (const std::uint32_t row : rows)
      classes.push_back(static_cast<std::uint8_t>(
          std::lower_bound(labels.begin(), labels.end(), label_of(material_of(row))) - labels.begin()));
    auto trained = train_classifier(table_, {rows, classes, labels}, config);
    if (!trained) return tl::unexpected(trained.error());
    return std::move(trained->forest);
  }

  Expected<Forest> regressor(const std::vector<std::uint32_t>& rows, bool scaled,
                             const ForestConfig& config) const {
    std::vector<float> values;
    values.reserve(rows.size() * 6);
    for (const std::uint32_t row : rows) {
      auto lattice = comparable_lattice(material_of(row));
      if (scaled && lengths_[row] > 0)
        for (std::size_t k = 0; k < 3; ++k) lattice[k] /= lengths_[row];
      values.insert(values.end(), lattice.begin(), lattice.end());
    }
    std::vector<std::uint16_t> scale_feature;
    if (scaled) {
      scale_feature.assign(6, k_unscaled);
      std::fill_n(scale_feature.begin(), 3, static_cast<std::uint16_t>(*length_feature_));
    }
    auto trained = train_regressor(table_, {rows, values, 6, scale_feature, config_.lattice_scale}, config);
    if (!trained) return tl::unexpected(trained.error());
    return std::move(trained->forest);
  }

  const Dataset& data_;
  const BinnedTable& table_;
  const ModelTrainConfig& config_;
  const Selection& selection_;
  std::optional<std::size_t> length_feature_;
  const std::vector<float>& lengths_;  // of each row: the feature's value
};

double validate(const FeatureRows& rows, const Forest& forest, const HierarchyTrainer& trainer,
                const std::vector<std::uint32_t>& validation, std::size_t width) {
  std::atomic<std::uint64_t> right{0};
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, validation.size(), 256), [&](const auto& range) {
    auto scratch = rows.make_scratch();
    Forest::Scratch forest_scratch;
    std::vector<float> values(width);
    std::vector<double> probability(forest.outputs());
    std::vector<std::uint16_t> votes(forest.outputs());
    for (std::size_t i = range.begin(); i < range.end(); ++i) {
      rows.compute(validation[i], scratch, values);
      const float* pointer = values.data();
      forest.classify(std::span(&pointer, 1), forest_scratch, probability, votes);
      const std::uint16_t label = forest.parts().labels[arg_max(probability)];
      if (label == static_cast<std::uint16_t>(trainer.material_of(validation[i]).system)) ++right;
    }
  });
  return static_cast<double>(right) / static_cast<double>(validation.size());
}

}  // namespace

bool is_validation_group(const std::string& group, double share) {
  return static_cast<double>(hash_of_definition(group) >> 11) < share * 0x1p53;
}

ModelTrainConfig paper_config() {
  ModelTrainConfig config;
  config.features = "polar";
  config.system.trees = 80, config.system.max_depth = 40;
  config.space_group.trees = 128, config.space_group.max_depth = 30;
  config.lattice.trees = 80, config.lattice.max_depth = 100;
  return config;
}

ModelTrainConfig compact_config() {
  ModelTrainConfig config;
  for (ForestConfig* forest : {&config.system, &config.space_group, &config.lattice}) {
    forest->max_depth = 40;
    forest->min_leaf = 10;
    forest->features_per_split = 40;
  }
  config.system.trees = 80;
  config.space_group.trees = 48;
  config.lattice.trees = 48;
  // Candidates are off by simple factors: the mean of factors is no factor.
  config.lattice.median_leaves = true;
  return config;
}

Expected<TrainedModel> train_crystal_model(const Dataset& data, const ModelTrainConfig& config) {
  const auto features = make_feature_set(config.features);
  if (!features) return tl::unexpected(features.error());
  const auto detection = detection_preset(config.noise);
  if (!detection) return tl::unexpected(detection.error());
  if (config.copies < 1 || config.copies > 1000)
    return fail(ErrorArea::usage, "training: {} copies of each pattern, 1 to 1000 are possible",
                config.copies);
  if (!(config.validation_share >= 0 && config.validation_share <= 0.9))
    return fail(ErrorArea::usage, "training: a validation share of {} must lie in [0, 0.9]",
                config.validation_share);
  const std::size_t width = (*features)->size();
  const FeatureRows rows(data, **features, *detection, config);
  if (rows.size() >= std::size_t{k_max_leaf_count})
    return fail(ErrorArea::shape, "training: {} patterns with copies, at most {} are possible", rows.size(),
                k_max_leaf_count);

  TrainedModel out;
  Expected<void> done;
  tbb::task_arena arena(config.threads == 0 ? tbb::task_arena::automatic : static_cast<int>(config.threads));
  arena.execute([&] {
    std::vector<std::uint8_t> usable;
    std::vector<float> lengths;
    const auto names = (*features)->names();
    const auto named = std::find(names.begin(), names.end(), k_cubic_length);
    std::optional<std::size_t> length_feature;
    if (named != names.end()) length_feature = static_cast<std::size_t>(named - names.begin());
    const auto table = make_table(rows, width, config, usable, length_feature, lengths);
    if (!table) {
      done = tl::unexpected(table.error());
      return;
    }
    const Selection selection = select_rows(data, config, usable);
    HierarchyTrainer trainer(data, *table, config, selection, length_feature, lengths);
    out.parts.features = (*features)->definition();
    done = selection.rows.empty()
               ? fail(ErrorArea::shape, "training: no pattern is left (train split, {} disks or more{})",
                      config.min_disks, config.triclinic ? "" : ", not triclinic")
               : trainer.train(out.parts);
    if (!done) return;
    std::set<std::uint32_t> materials;
    for (const std::uint32_t row : selection.rows) materials.insert(data.material[row % data.patterns()]);
    out.scores.materials = materials.size();
    out.scores.patterns = selection.rows.size();
    out.scores.validation_patterns = selection.validation.size();
    if (!selection.validation.empty())
      out.scores.validation_accuracy =
          validate(rows, *out.parts.system, trainer, selection.validation, width);
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

}  // namespace bragglive
