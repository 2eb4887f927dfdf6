// `bragglive predict`: PEAKS.csv -> what the model says, one JSON object a line.
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/label/aggregate.hpp"
#include "core/label/crystal_model_file.hpp"
#include "plugin/command/command.hpp"
#include "plugin/command/peaks_csv.hpp"
#include "plugin/shipped_model.hpp"

namespace bragglive::command {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t k_min_disks = 5;

struct Options {
  std::string model, peaks, lattice_system = "own";
  bool aggregate = false;
  unsigned threads = 1;
};

// Four decimals: float noise behind them means nothing.
double rounded(float value) {
  return std::round(static_cast<double>(value) * 1e4) / 1e4;
}

Json numbers(std::span<const float> values) {
  Json out = Json::array();
  for (const float value : values) out.push_back(std::isfinite(value) ? Json(rounded(value)) : Json());
  return out;
}

Json votes_of(const PatternLabel& label, std::span<const std::string> phases) {
  Json votes = Json::object();
  for (std::size_t p = 0; p < phases.size(); ++p)
    if (label.votes[p] > 0) votes[phases[p]] = label.votes[p];
  if (!phases.empty()) return votes;
  for (std::size_t s = 1; s < label.votes.size(); ++s)
    if (label.votes[s] > 0) votes[std::string(k_crystal_system_names[s])] = label.votes[s];
  return votes;
}

Json number(float value) {
  return std::isfinite(value) ? Json(rounded(value)) : Json();
}

Json to_json(const PatternLabel& label, std::span<const std::string> phases) {
  Json out = {{"crystal_system", name_of(label.system)}};
  if (!phases.empty()) out["phase"] = label.trees > 0 ? Json(phases[label.phase]) : Json();
  out["votes"] = votes_of(label, phases);
  out["confidence"] = rounded(label.confidence);
  out["difference_confidence"] = rounded(label.difference_confidence);
  out["mixed"] = number(label.mixed);
  out["outlier"] = number(label.outlier);
  out["space_group"] = label.space_group;
  return out;
}

// The votes of the space-group forest, which the live label does not keep.
Json group_votes(const CrystalModelParts& parts, CrystalSystem system, const float* features) {
  const auto& forest = parts.space_group[static_cast<std::size_t>(system)];
  Json out = Json::object();
  if (!forest) return out;
  Forest::Scratch scratch;
  std::vector<double> probability(forest->outputs());
  std::vector<std::uint16_t> votes(forest->outputs());
  forest->classify(std::span(&features, 1), scratch, probability, votes);
  for (std::size_t k = 0; k < votes.size(); ++k)
    if (votes[k] > 0) out[std::to_string(forest->parts().labels[k])] = votes[k];
  return out;
}

void lattice_of_system(const CrystalModelParts& parts, CrystalSystem system, const float* features,
                       PatternLabel& label) {
  const auto& forest = parts.lattice[static_cast<std::size_t>(system)];
  if (!forest) return;
  Forest::Scratch scratch;
  std::vector<double> values(3 * std::size_t{forest->trees()});
  forest->regress(std::span(&features, 1), 3, scratch, values);
  for (std::size_t k = 0; k < 3; ++k) {
    const MedianSpread found =
        median_and_spread(std::span(values).subspan(k * forest->trees(), forest->trees()));
    label.lattice_angstrom[k] = static_cast<float>(found.median);
    label.lattice_spread_angstrom[k] = static_cast<float>(found.half_68);
  }
}

int run(const Options& options) {
  std::optional<CrystalSystem> lattice_system;
  if (options.lattice_system != "own") {
    lattice_system = crystal_system_from_name(options.lattice_system);
    if (!lattice_system)
      return report(
          Error{ErrorArea::usage, "--lattice-system: '" + options.lattice_system + "' is no crystal system"});
  }
  const auto path = model_path(options.model);
  const auto model = load_crystal_model(path);
  if (!model) return report(model.error());
  const auto parts = load_crystal_model_parts(path);
  if (!parts) return report(parts.error());
  const auto peaks = read_peaks_csv(options.peaks);
  if (!peaks) return report(peaks.error());
  const FeatureSet& features = (*model)->features();
  const auto feature_scratch = features.make_scratch();
  const auto model_scratch = (*model)->make_scratch();
  std::vector<float> values(features.size());
  std::vector<PatternLabel> labels;
  for (std::size_t i = 0; i < peaks->patterns.size(); ++i) {
    const BraggList& list = peaks->patterns[i];
    PatternLabel label;
    Json groups = Json::object();
    if (list.size() >= k_min_disks) {
      features.compute(list, feature_scratch.get(), values);
      (*model)->predict(values, *model_scratch, std::span(&label, 1));
      if (lattice_system) lattice_of_system(parts->parts, *lattice_system, values.data(), label);
      groups = group_votes(parts->parts, label.system, values.data());
      labels.push_back(label);
    } else {
      label.lattice_angstrom.fill(NAN);
      label.lattice_spread_angstrom.fill(NAN);
    }
    if (options.aggregate) continue;
    Json line = {{"pattern", i}, {"disks", list.size()}};
    line.update(to_json(label, (*model)->phase_names()));
    line["space_group_votes"] = groups;
    line["lattice_angstrom"] = numbers(label.lattice_angstrom);
    line["lattice_spread_angstrom"] = numbers(label.lattice_spread_angstrom);
    fmt::print("{}\n", line.dump());
  }
  if (!options.aggregate) return 0;
  const AggregateLabel all = aggregate(labels);
  Json line = {{"patterns", labels.size()}, {"crystal_system", name_of(all.system)}};
  Json weights = Json::object();
  for (std::size_t s = 1; s < all.weight.size(); ++s)
    if (all.weight[s] > 0) weights[std::string(k_crystal_system_names[s])] = all.weight[s];
  line["weights"] = weights;
  line["confidence"] = rounded(all.confidence);
  line["space_group"] = all.space_group;
  line["lattice_angstrom"] = numbers(all.lattice_angstrom);
  fmt::print("{}\n", line.dump());
  return 0;
}

}  // namespace

Run add_predict(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_option("MODEL", o->model, "a model file, or default")->required();
  app.add_option("PEAKS", o->peaks, "PEAKS.csv in 1/Å: pattern,qx,qy,intensity")->required();
  app.add_flag("--aggregate", o->aggregate, "one answer for all patterns: they show one crystal");
  app.add_option("--lattice-system", o->lattice_system,
                 "whose lattice forest answers: own (that of the label) or a system's name");
  app.add_option("--threads", o->threads, "one thread is enough here; taken for uniformity");
  return [o] { return run(*o); };
}

}  // namespace bragglive::command
