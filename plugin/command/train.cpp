// `bragglive train`: data sets -> a model file.
#include <ctime>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/train/model_trainer.hpp"
#include "core/train/specimen_trainer.hpp"
#include "plugin/command/command.hpp"
#include "plugin/command/progress.hpp"
#include "plugin/version.hpp"

namespace bragglive::command {
namespace {

using Json = nlohmann::json;

struct Options {
  std::vector<std::filesystem::path> data, candidates;
  std::vector<std::string> without, only;
  std::string out, features = "indexing", noise = "none", note;
  std::uint32_t copies = 1;
  std::optional<std::uint32_t> trees, depth, min_leaf, features_per_split, group_trees, lattice_trees,
      group_min_leaf, lattice_min_leaf, group_features_per_split, lattice_features_per_split;
  bool triclinic = false, use_test = false, no_resume = false;
  std::string merged;
  std::optional<std::uint32_t> merged_copies, quality_rows;
  std::string bootstrap;
  double validation = 0, voltage = 300;
  std::uint64_t seed = 32;
  unsigned threads = 0;
};

ModelTrainConfig config_of(const Options& options) {
  // The paper's forests for the paper's features, small ones for those that index.
  ModelTrainConfig config = options.features.starts_with("polar") ? paper_config() : compact_config();
  config.features = options.features;
  config.noise = options.noise;
  config.copies = options.copies;
  config.triclinic = options.triclinic;
  config.without = options.without;
  config.only = options.only;
  config.use_test = options.use_test;
  config.validation_share = options.validation;
  config.seed = options.seed;
  config.threads = options.threads;
  config.merged = options.merged;
  if (options.merged_copies) config.merged_copies = *options.merged_copies;
  if (options.quality_rows) config.quality_rows = *options.quality_rows;
  if (!options.bootstrap.empty()) config.bootstrap_materials = options.bootstrap == "materials";
  if (!options.no_resume) config.checkpoint = options.out + ".parts";
  for (ForestConfig* forest : {&config.system, &config.space_group, &config.lattice}) {
    if (options.trees) forest->trees = *options.trees;
    if (options.depth) forest->max_depth = *options.depth;
    if (options.min_leaf) forest->min_leaf = *options.min_leaf;
    if (options.features_per_split) forest->features_per_split = *options.features_per_split;
  }
  if (options.group_trees) config.space_group.trees = *options.group_trees;
  if (options.lattice_trees) config.lattice.trees = *options.lattice_trees;
  if (options.group_min_leaf) config.space_group.min_leaf = *options.group_min_leaf;
  if (options.lattice_min_leaf) config.lattice.min_leaf = *options.lattice_min_leaf;
  if (options.group_features_per_split)
    config.space_group.features_per_split = *options.group_features_per_split;
  if (options.lattice_features_per_split)
    config.lattice.features_per_split = *options.lattice_features_per_split;
  return config;
}

Json forest_json(const ForestConfig& forest) {
  return {{"trees", forest.trees},
          {"max_depth", forest.max_depth},
          {"min_leaf", forest.min_leaf},
          {"features_per_split", forest.features_per_split}};
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(text, length);
}

// `settings`: of each data set, JSON.
Json provenance_of(const Options& options, const ModelTrainConfig& config,
                   const std::vector<std::string>& settings, const ModelScores& scores) {
  Json sets = Json::array();
  for (std::size_t i = 0; i < options.data.size(); ++i) {
    Json how = Json::parse(settings[i], nullptr, false);
    sets.push_back(
        {{"file", options.data[i].filename().string()}, {"settings", how.is_discarded() ? Json() : how}});
  }
  Json out = {
      {"program_version", k_version},
      {"created", utc_now()},
      {"data_sets", sets},
      {"noise", config.noise},
      {"copies", config.copies},
      {"seed", config.seed},
      {"learnt_from_test_split", config.use_test},
      {"materials", scores.materials},
      {"patterns", scores.patterns},
      {"forests",
       {{"system", forest_json(config.system)},
        {"space_group", forest_json(config.space_group)},
        {"lattice", forest_json(config.lattice)}}},
      {"licence",
       "Structures: Materials Project (materialsproject.org), CC BY 4.0; A. Jain et al., APL Materials 1, "
       "011002 (2013)."}};
  if (!config.without.empty()) out["left_out"] = config.without;
  if (!config.only.empty()) out["only"] = config.only;
  if (scores.out_of_bag >= 0) out["out_of_bag_accuracy"] = scores.out_of_bag;
  if (scores.merged_out_of_bag >= 0) out["merged_out_of_bag_accuracy"] = scores.merged_out_of_bag;
  if (scores.validation_patterns > 0)
    out["validation"] = {{"share", config.validation_share},
                         {"patterns", scores.validation_patterns},
                         {"crystal_system_accuracy", scores.validation_accuracy}};
  if (!options.note.empty()) out["note"] = options.note;
  return out;
}

Json specimen_provenance(const Options& options, const SpecimenConfig& config,
                         const TrainedSpecimen& trained) {
  Json phases = Json::array();
  for (const Phase& phase : trained.parts.phases)
    phases.push_back({{"name", phase.name}, {"formula", phase.formula}, {"space_group", phase.space_group}});
  Json out = {{"program_version", k_version},
              {"created", utc_now()},
              {"kind", "specimen"},
              {"phases", phases},
              {"voltage_kv", config.voltage_kv},
              {"thickness_nm", {config.thickness_low_nm, config.thickness_high_nm}},
              {"noise", config.noise},
              {"seed", config.seed},
              {"patterns", trained.scores.patterns},
              {"out_of_bag_accuracy", trained.scores.out_of_bag},
              {"forests", {{"system", forest_json(config.forest)}}}};
  if (!options.note.empty()) out["note"] = options.note;
  return out;
}

int train_specimen(const Options& options) {
  SpecimenConfig config;
  config.seed = options.seed;
  config.threads = options.threads;
  config.voltage_kv = options.voltage;
  if (options.trees) config.forest.trees = *options.trees;
  if (options.depth) config.forest.max_depth = *options.depth;
  if (options.min_leaf) config.forest.min_leaf = *options.min_leaf;
  Progress bar("training");
  std::mutex drawing;
  config.progress = [&](std::string_view stage, std::uint64_t done, std::uint64_t total) {
    const std::lock_guard lock(drawing);
    bar.update(done, total, std::string(stage));
  };
  auto trained = train_specimen_model(options.candidates, config);
  if (!trained) return report(trained.error());
  trained->parts.provenance = specimen_provenance(options, config, *trained).dump();
  if (auto saved = save_crystal_model(options.out, trained->parts); !saved) return report(saved.error());
  fmt::print(
      "{}: {} phases, {} patterns, {:.1f} MB, right in {:.1f} % of patterns that a tree had not seen\n",
      options.out, trained->parts.phases.size(), trained->scores.patterns,
      static_cast<double>(std::filesystem::file_size(options.out)) / 1e6, 100 * trained->scores.out_of_bag);
  return 0;
}

int run(const Options& options) {
  // Known before hours of work, not after.
  const auto folder = std::filesystem::absolute(options.out).parent_path();
  if (!std::filesystem::is_directory(folder))
    return report(Error{ErrorArea::file, "the folder of " + options.out + " does not exist: make it first"});
  if (options.data.empty() == options.candidates.empty())
    return report(Error{ErrorArea::usage,
                        "train: give data sets (made by 'bragglive simulate') or --candidates with CIF "
                        "files, one of the two"});
  if (!options.candidates.empty()) return train_specimen(options);
  auto data = load_datasets(options.data);
  if (!data) return report(data.error());
  const std::vector<std::string> settings = data->settings;
  ModelTrainConfig config = config_of(options);
  Progress bar("training");
  std::mutex drawing;
  config.progress = [&](std::string_view stage, std::uint64_t done, std::uint64_t total) {
    const std::lock_guard lock(drawing);
    bar.update(done, total, std::string(stage));
  };
  auto trained = train_crystal_model(std::move(*data), config);
  if (!trained) {
    if (std::filesystem::exists(config.checkpoint))
      fmt::print(stderr, "bragglive: finished forests are kept in {}: the same command goes on behind them\n",
                 config.checkpoint.string());
    return report(trained.error());
  }
  trained->parts.provenance = provenance_of(options, config, settings, trained->scores).dump();
  if (auto saved = save_crystal_model(options.out, trained->parts); !saved) return report(saved.error());
  std::error_code ignored;
  std::filesystem::remove_all(config.checkpoint, ignored);
  const ModelScores& scores = trained->scores;
  fmt::print("{}: {} patterns of {} materials, {:.1f} MB", options.out, scores.patterns, scores.materials,
             static_cast<double>(std::filesystem::file_size(options.out)) / 1e6);
  if (scores.out_of_bag >= 0)
    fmt::print(
        ", crystal system right in {:.1f} % of the patterns by the trees that had not seen their material",
        100 * scores.out_of_bag);
  if (scores.merged_out_of_bag >= 0)
    fmt::print(" ({:.1f} % of groups of patterns)", 100 * scores.merged_out_of_bag);
  if (scores.validation_patterns > 0)
    fmt::print(", crystal system right in {:.1f} % of {} patterns of materials held back",
               100 * scores.validation_accuracy, scores.validation_patterns);
  fmt::print("\n");
  return 0;
}

}  // namespace

Run add_train(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_option("DATA", o->data, "data sets made by 'bragglive simulate'");
  app.add_option("--candidates", o->candidates,
                 "instead of data sets: CIF files of the phases that the specimen may hold (up to 7); the "
                 "model says which of "
                 "them a pattern shows, or none of these");
  app.add_option("--voltage-kv", o->voltage, "of the microscope (with --candidates)")
      ->check(CLI::Range(21.0, 1000.0))
      ->capture_default_str();
  app.add_option("--out", o->out, "the model file")->required();
  app.add_option("--features", o->features,
                 "indexing, polar, or a definition such as 'polar direct=brightest'")
      ->capture_default_str();
  app.add_option("--without", o->without,
                 "ablation: do not look at features whose names begin so (lattice, cubic, plane, …)");
  app.add_option("--only", o->only, "ablation: look at no other features than those whose names begin so");
  app.add_option("--noise", o->noise, "added on top of the data: none, field or detector")
      ->capture_default_str();
  app.add_option("--copies", o->copies, "of every pattern, each with its own noise")->capture_default_str();
  app.add_option("--trees", o->trees, "per forest (default: by features)");
  app.add_option("--depth", o->depth, "greatest depth");
  app.add_option("--min-leaf", o->min_leaf, "samples per leaf");
  app.add_option("--features-per-split", o->features_per_split, "0 = square root of their number");
  app.add_option("--space-group-trees", o->group_trees, "0 = no space-group forests");
  app.add_option("--lattice-trees", o->lattice_trees, "0 = no lattice forests");
  app.add_option("--space-group-min-leaf", o->group_min_leaf);
  app.add_option("--lattice-min-leaf", o->lattice_min_leaf);
  app.add_option("--space-group-features-per-split", o->group_features_per_split);
  app.add_option("--lattice-features-per-split", o->lattice_features_per_split);
  app.add_option(
      "--merged-features", o->merged,
      "also a forest for several patterns of one crystal, on these features of their spot lists, for example "
      "'pooled indexing'");
  app.add_option("--merged-copies", o->merged_copies,
                 "groups of 2 to 12 patterns drawn of every material (12)");
  app.add_option("--quality-rows", o->quality_rows,
                 "single, overlapping and senseless patterns for the forest that tells them apart; 0 = no "
                 "such forest (60000; "
                 "polar 0)");
  app.add_option("--bootstrap", o->bootstrap,
                 "what trees draw: materials (indexing; also scores every pattern by the trees that have not "
                 "seen its material, "
                 "and calibrates the confidence) or patterns (polar)")
      ->check(CLI::IsMember({"materials", "patterns"}));
  app.add_flag("--no-resume", o->no_resume,
               "keep no finished forests beside the model, and use none; needs more memory");
  app.add_flag("--triclinic", o->triclinic, "seven crystal systems");
  app.add_flag("--use-test", o->use_test,
               "learn from the test materials too (then nothing is left to evaluate on)");
  app.add_option("--validation", o->validation, "share of the materials held back and scored")
      ->capture_default_str();
  app.add_option("--note", o->note, "free text for the model file");
  app.add_option("--seed", o->seed)->capture_default_str();
  app.add_option("--threads", o->threads, "0 = all");
  return [o] { return run(*o); };
}

}  // namespace bragglive::command
