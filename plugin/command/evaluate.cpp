// `bragglive evaluate`: how often a model is right on test materials, as report.json and report.html.
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/label/group_model.hpp"
#include "core/train/report.hpp"
#include "core/train/specimen_evaluation.hpp"
#include "plugin/command/command.hpp"
#include "plugin/command/progress.hpp"
#include "plugin/shipped_model.hpp"

namespace bragglive::command {
namespace {

using Json = nlohmann::json;

struct Options {
  std::string model, report, noise = "none";
  std::vector<std::filesystem::path> data;
  bool all_materials = false, no_stress = false;
  std::uint64_t seed = 7;
  double share_of_one = GroupModel::Rule{}.share_of_one;
  unsigned threads = 0;
};

std::string settings_of(const Options& options, const LoadedModelParts& model, const Dataset& data) {
  Json sets = Json::array();
  for (std::size_t i = 0; i < options.data.size(); ++i) {
    Json settings = Json::parse(data.settings[i], nullptr, false);
    sets.push_back({{"file", options.data[i].filename().string()},
                    {"settings", settings.is_discarded() ? Json() : settings}});
  }
  Json provenance = Json::parse(model.parts.provenance, nullptr, false);
  return Json{{"model",
               {{"name", options.model},
                {"checksum", model.checksum},
                {"provenance", provenance.is_discarded() ? Json() : provenance}}},
              {"data_sets", sets},
              {"noise_added", options.noise},
              {"materials", options.all_materials ? "all" : "test split"},
              {"seed", options.seed}}
      .dump(1);
}

int run(const Options& options) {
  const auto model = load_crystal_model_parts(model_path(options.model));
  if (!model) return report(model.error());
  const auto data = load_datasets(options.data);
  if (!data) return report(data.error());
  EvaluationConfig config;
  config.noise = options.noise;
  config.all_materials = options.all_materials;
  config.seed = options.seed;
  config.stress = !options.no_stress;
  config.threads = options.threads;
  config.merged_share_of_one = options.share_of_one;
  Progress bar("evaluating");
  std::mutex drawing;
  config.progress = [&](std::uint64_t done, std::uint64_t total) {
    const std::lock_guard lock(drawing);
    bar.update(done, total);
  };
  ReportContext context;
  context.settings = settings_of(options, *model, *data);
  if (!model->parts.phases.empty()) {
    const auto specimen = evaluate_specimen(model->parts, *data, config);
    if (!specimen) return report(specimen.error());
    if (auto written = write_specimen_report(options.report, *specimen, context); !written)
      return report(written.error());
    fmt::print(
        "{} patterns: phase right in {:.1f} % (8 spots or more); other materials turned away in {:.1f} % (no "
        "phase named in "
        "{:.1f} %, or below the confidence {:.2f} that 95 % of the candidates' patterns reach)\n",
        specimen->patterns, 100 * specimen->right.value(), 100 * specimen->turned_away.value(),
        100 * specimen->refused.value(), specimen->confidence_of_95);
    return 0;
  }
  const auto evaluation = evaluate_model(model->parts, *data, config);
  if (!evaluation) return report(evaluation.error());
  if (auto written = write_report(options.report, *evaluation, context); !written)
    return report(written.error());
  fmt::print(
      "{} patterns of {} materials: crystal system right in {:.1f} % (one pattern), {:.1f} % (ten, "
      "difference aggregation), {:.1f} % "
      "(ten, {})\n",
      evaluation->patterns, evaluation->materials, 100 * evaluation->individual.accuracy(),
      100 * evaluation->aggregate10.accuracy(), 100 * evaluation->merged10.accuracy(),
      evaluation->merged_by_forest ? "spot lists together" : "log probabilities");
  fmt::print("confidence off by {:.1f} points", 100 * evaluation->calibration_error());
  if (model->parts.quality)
    fmt::print("; area under the curve: mixed {:.3f}, unlike anything {:.3f}", evaluation->mixed_auc,
               evaluation->outlier_auc);
  fmt::print("\n");
  return 0;
}

}  // namespace

Run add_evaluate(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_option("MODEL", o->model, "a model file, or default")->required();
  app.add_option("DATA", o->data, "data sets made by 'bragglive simulate'")->required();
  app.add_option("--report", o->report, "folder for report.json and report.html")->required();
  app.add_option("--noise", o->noise, "added on top of the data: none, field or detector")
      ->capture_default_str();
  app.add_flag("--all-materials", o->all_materials,
               "also materials outside the test split (the model may have learnt from them)");
  app.add_flag("--no-stress", o->no_stress, "leave out the curves over errors of the measurement");
  app.add_option("--share-of-one", o->share_of_one,
                 "how much each pattern counts beside the forest for groups of patterns")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  app.add_option("--seed", o->seed)->capture_default_str();
  app.add_option("--threads", o->threads, "0 = all");
  return [o] { return run(*o); };
}

}  // namespace bragglive::command
