// From spot list to label: how many patterns a second one core describes and labels with the shipped model.
// pattern_bench [DATA.h5 …] takes the patterns of data sets of `bragglive simulate`; else 1,000 patterns of
// crystals of the test side are simulated first.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <vector>

#include "core/bloch/dataset_run.hpp"
#include "core/bloch/scan/counter_random.hpp"
#include "core/label/crystal_model.hpp"
#include "core/train/dataset.hpp"
#include "core/train/detection_model.hpp"
#include "plugin/shipped_model.hpp"
#include "tests/bench/thread_time.hpp"
#include "tests/shared_data.hpp"

using namespace bragglive;
using namespace bragglive::bench;

namespace {

constexpr double k_wanted = 10'000;  // patterns/s, features and all forests
constexpr std::size_t k_row = 64;    // patterns that are asked about together, as a row of a scan

Expected<Dataset> simulated() {
  DatasetRun run;
  run.settings = *dataset_preset("field");
  run.settings.noise = {};
  run.settings.noise.min_intensity = 1e-4;
  run.settings.zone_axes = 10;
  run.settings.limit = 100;
  run.settings.split = Split::test;
  run.threads = 2;
  run.out = std::filesystem::temp_directory_path() / fmt::format("pattern_bench-{}.h5", ::getpid());
  const auto crystals =
      CrystalList::open(test::shared_path("data/crystals/mp_observed_conventional.jsonl.gz"));
  if (!crystals) return tl::unexpected(crystals.error());
  if (const auto made = run_dataset(*crystals, run); !made) return tl::unexpected(made.error());
  auto data = load_datasets(std::span(&run.out, 1));
  std::filesystem::remove(run.out);
  return data;
}

void measure(const Dataset& data, const CrystalModel& model, const std::string& noise) {
  const auto detection = *detection_preset(noise);
  std::vector<BraggList> lists;
  for (std::size_t p = 0; p < data.patterns(); ++p) {
    BraggList peaks;
    CounterRandom random(random_key(7, p, 0));
    data.copy_pattern(p, peaks);
    apply_detection(detection, random, peaks);
    if (peaks.size() >= 5) lists.push_back(std::move(peaks));
  }
  const FeatureSet& features = model.features();
  const auto feature_scratch = features.make_scratch();
  const auto scratch = model.make_scratch();
  const std::size_t width = features.size();
  std::vector<float> rows(lists.size() * width);
  std::vector<PatternLabel> labels(lists.size());
  const double describe = best_of(5, [&] {
    for (std::size_t i = 0; i < lists.size(); ++i)
      features.compute(lists[i], feature_scratch.get(), std::span(rows).subspan(i * width, width));
  });
  const double ask = best_of(5, [&] {
    for (std::size_t i = 0; i < lists.size(); i += k_row) {
      const std::size_t n = std::min(k_row, lists.size() - i);
      model.predict(std::span(rows).subspan(i * width, n * width), *scratch, std::span(labels).subspan(i, n));
    }
  });
  const auto n = static_cast<double>(lists.size());
  const double spots =
      std::accumulate(lists.begin(), lists.end(), 0.0,
                      [](double sum, const BraggList& list) { return sum + double(list.size()); });
  fmt::print(
      "noise {:8}: {:5} patterns of {:4.1f} spots: features {:5.1f} us, forests {:4.1f} us; {:.0f} "
      "patterns/s, "
      "{:.2f} of the wanted {:.0f}\n",
      noise, lists.size(), spots / n, 1e6 * describe / n, 1e6 * ask / n, n / (describe + ask),
      n / (describe + ask) / k_wanted, k_wanted);
}

}  // namespace

int main(int argc, char** argv) {
  const auto model = load_model("default");
  if (!model) return fmt::print(stderr, "{}\n", model.error().message), 1;
  const std::vector<std::filesystem::path> files(argv + 1, argv + argc);
  const auto data = files.empty() ? simulated() : load_datasets(files);
  if (!data) return fmt::print(stderr, "{}\n", data.error().message), 1;
  for (const char* noise : {"none", "field", "detector"}) measure(*data, **model, noise);
}
