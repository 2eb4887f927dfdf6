// `bragglive scan-simulate`: a recipe -> a 4D-STEM scan with its ground truth.
#include <memory>
#include <string>

#include "core/bloch/scan/scan_file.hpp"
#include "plugin/command/command.hpp"
#include "plugin/command/progress.hpp"

namespace bragglive::command {
namespace {

struct Options {
  std::string recipe, out;
  std::optional<std::uint64_t> seed;
  unsigned threads = 0;
  bool no_compression = false;
};

int run(const Options& options) {
  auto recipe = load_scan_recipe(options.recipe);
  if (!recipe) return report(recipe.error());
  if (options.seed) recipe->seed = *options.seed;
  Expected<ScanSimulation> simulation = [&] {
    Progress progress("diffraction of the grains");
    return ScanSimulation::create(std::move(*recipe), options.threads, [&](double share) {
      progress.update(static_cast<std::uint64_t>(share * 1000), 1000);
    });
  }();
  if (!simulation) return report(simulation.error());
  Progress progress("patterns");
  const ScanShape scan = simulation->recipe().scan;
  const auto written = write_scan_file(
      *simulation, options.out, {options.threads, !options.no_compression},
      [&](std::uint32_t rows) { progress.update(std::uint64_t{rows} * scan.cols, scan.positions()); });
  return written ? 0 : report(written.error());
}

}  // namespace

Run add_scan_simulate(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("RECIPE", options->recipe,
                 "RECIPE.toml: microscope, detector, crystals, specimen (see examples/recipes)")
      ->required();
  app.add_option("--out", options->out, "S.h5: a py4DSTEM (EMD) data cube with /truth and the calibration")
      ->required();
  app.add_option("--seed", options->seed, "another specimen and other noise than the recipe's seed gives");
  app.add_flag("--no-compression", options->no_compression, "larger and faster");
  app.add_option("--threads", options->threads, "0 = all; the result does not depend on it");
  return [options] { return run(*options); };
}

}  // namespace bragglive::command
