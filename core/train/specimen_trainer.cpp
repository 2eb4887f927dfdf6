#include "core/train/specimen_trainer.hpp"

#include <tbb/blocked_range.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <mutex>

#include "core/bloch/material_patterns.hpp"
#include "core/phases/phase_features.hpp"
#include "core/train/detection_model.hpp"
#include "core/train/other_materials.hpp"

namespace bragglive {
namespace {

struct Work {
  Crystal crystal;
  int zones = 0;
  std::uint8_t label = 0;
  std::uint64_t seed = 0;
};

// Candidates in pieces, so that two threads share the work evenly.
std::vector<Work> plan(const Candidates& candidates, const SpecimenConfig& config) {
  constexpr int k_piece = 25;
  std::vector<Work> all;
  for (std::size_t i = 0; i < candidates.crystals.size(); ++i)
    for (int first = 0; first < config.zones_per_phase; first += k_piece)
      all.push_back({candidates.crystals[i], std::min(k_piece, config.zones_per_phase - first),
                     static_cast<std::uint8_t>(i + 1), random_key(config.seed, i + 1, std::uint64_t(first))});
  const auto others =
      other_materials(candidates.crystals, static_cast<std::size_t>(config.other_crystals), config.seed);
  for (const Crystal& crystal : others) all.push_back({crystal, config.zones_per_other, 0, config.seed});
  return all;
}

DatasetSettings simulation(const SpecimenConfig& config, const Work& work) {
  DatasetSettings s = *dataset_preset("field");
  s.noise = {};
  s.noise.min_intensity = 3e-5;
  s.bloch.voltage_kv = config.voltage_kv;
  s.bloch.k_max = 1.7;  // the matcher looks no farther
  s.zone_axes = work.zones;
  s.random_thickness = RandomThickness{config.thickness_low_nm, config.thickness_high_nm, 2, true};
  s.seed = work.seed;
  return s;
}

struct Rows {
  std::vector<float> values;
  std::vector<std::uint8_t> labels;
};

class RowMaker {
 public:
  RowMaker(const PhaseFeatures& features, const SpecimenConfig& config, std::vector<DetectionModel> noise)
      : features_(features), config_(config), noise_(std::move(noise)) {}

  Expected<void> add(const Work& work, MaterialScratch& scratch, Rows& out) const {
    DatasetBlock block;
    if (auto done = add_material(work.crystal, simulation(config_, work), {}, scratch, block); !done)
      return done;
    BraggList peaks;
    std::vector<float> row(features_.size());
    for (std::size_t p = 0; p < block.patterns(); ++p)
      for (std::size_t n = 0; n < noise_.size(); ++n) {
        peaks.clear();
        for (std::size_t i = block.offset[p]; i < block.offset[p + 1]; ++i)
          peaks.push_back({double{block.qx[i]}, double{block.qy[i]}, double{block.intensity[i]}});
        CounterRandom random(random_key(work.seed ^ 0x5eed, p, n));
        apply_detection(noise_[n], random, peaks);
        if (peaks.size() < config_.min_disks) continue;
        features_.compute(peaks, nullptr, row);
        out.values.insert(out.values.end(), row.begin(), row.end());
        out.labels.push_back(work.label);
      }
    return {};
  }

 private:
  const PhaseFeatures& features_;
  const SpecimenConfig& config_;
  std::vector<DetectionModel> noise_;
};

Expected<Rows> make_rows(const std::vector<Work>& works, const RowMaker& maker,
                         const SpecimenConfig& config) {
  std::vector<Rows> parts(works.size());
  tbb::enumerable_thread_specific<MaterialScratch> scratch;
  std::atomic<std::uint64_t> done{0};
  std::mutex mutex;
  std::optional<Error> failure;
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, works.size(), 1), [&](const auto& range) {
    for (std::size_t i = range.begin(); i < range.end(); ++i) {
      const auto made = maker.add(works[i], scratch.local(), parts[i]);
      // An invented crystal may be left out, a candidate may not.
      if (!made && works[i].label != 0) {
        const std::lock_guard lock(mutex);
        failure = made.error();
      }
      if (config.progress) config.progress("simulating", ++done, works.size());
    }
  });
  if (failure) return tl::unexpected(*failure);
  Rows all;
  for (Rows& part : parts) {
    all.values.insert(all.values.end(), part.values.begin(), part.values.end());
    all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
    part = {};
  }
  return all;
}

Expected<TrainedForest> fit(const Rows& rows, std::size_t width, std::size_t classes,
                            const SpecimenConfig& config) {
  auto edges = BinEdges::from_sample(rows.values, width);
  if (!edges) return tl::unexpected(edges.error());
  BinnedTable table(std::move(*edges), rows.labels.size());
  table.set_rows(0, rows.values);
  std::vector<std::uint32_t> all(rows.labels.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  std::vector<std::uint16_t> labels(classes);
  for (std::uint16_t i = 0; i < labels.size(); ++i) labels[i] = i;
  ForestConfig forest = config.forest;
  forest.seed = config.seed;
  forest.threads = config.threads;
  forest.features_per_split =
      std::min<std::uint32_t>(forest.features_per_split, static_cast<std::uint32_t>(width));
  if (config.progress)
    forest.progress = [&](std::uint32_t done) { config.progress("training", done, config.forest.trees); };
  return train_classifier(table, {all, rows.labels, labels}, forest);
}

}  // namespace

Expected<TrainedSpecimen> train_specimen_model(std::span<const std::filesystem::path> cif_files,
                                               const SpecimenConfig& config) {
  const auto candidates = load_candidates(cif_files);
  if (!candidates) return tl::unexpected(candidates.error());
  const auto features =
      PhaseFeatures::create(candidates->phases, fmt::format("phases v=1 kv={}", config.voltage_kv));
  if (!features) return tl::unexpected(features.error());
  std::vector<DetectionModel> noise;
  for (const std::string& name : config.noise) {
    const auto preset = detection_preset(name);
    if (!preset) return tl::unexpected(preset.error());
    noise.push_back(*preset);
  }
  TrainedSpecimen out;
  Expected<void> done;
  tbb::task_arena arena(config.threads == 0 ? tbb::task_arena::automatic : static_cast<int>(config.threads));
  arena.execute([&] {
    const auto rows = make_rows(plan(*candidates, config), RowMaker(**features, config, noise), config);
    if (!rows) {
      done = tl::unexpected(rows.error());
      return;
    }
    auto trained = fit(*rows, (*features)->size(), candidates->phases.size() + 1, config);
    if (!trained) {
      done = tl::unexpected(trained.error());
      return;
    }
    out.scores = {rows->labels.size(), trained->out_of_bag_accuracy};
    out.parts.system = std::move(trained->forest);
  });
  if (!done) return tl::unexpected(done.error());
  out.parts.features = (*features)->definition();
  out.parts.phases = candidates->phases;
  return out;
}

}  // namespace bragglive
