// `bragglive predict`: PEAKS.csv -> what the model says, one JSON object a line.
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/label/aggregate.hpp"
#include "core/label/crystal_model_file.hpp"
#include "core/label/group_model.hpp"
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

// What the forests of one crystal system say, whatever the label.
class SystemForests {
 public:
  SystemForests(const CrystalModelParts& parts, CrystalSystem system)
      : group_(parts.space_group[static_cast<std::size_t>(system)]),
        lattice_(parts.lattice[static_cast<std::size_t>(system)]) {}

  // Sets space group and its share of votes; returns all votes, which the live label does not keep.
  Json group(const float* features, PatternLabel& label) const {
    Json out = Json::object();
    if (!group_) return out;
    Forest::Scratch scratch;
    std::vector<double> probability(group_->outputs());
    std::vector<std::uint16_t> votes(group_->outputs());
    group_->classify(std::span(&features, 1), scratch, probability, votes);
    label.space_group = group_->parts().labels[arg_max(probability)];
    label.space_group_confidence = static_cast<float>(*std::max_element(votes.begin(), votes.end())) /
                                   static_cast<float>(group_->trees());
    for (std::size_t k = 0; k < votes.size(); ++k)
      if (votes[k] > 0) out[std::to_string(group_->parts().labels[k])] = votes[k];
    return out;
  }

  void lattice(const float* features, PatternLabel& label) const {
    if (!lattice_) return;
    Forest::Scratch scratch;
    std::vector<double> values(3 * std::size_t{lattice_->trees()});
    lattice_->regress(std::span(&features, 1), 3, scratch, values);
    for (std::size_t k = 0; k < 3; ++k) {
      const MedianSpread found =
          median_and_spread(std::span(values).subspan(k * lattice_->trees(), lattice_->trees()));
      label.lattice_angstrom[k] = static_cast<float>(found.median);
      label.lattice_spread_angstrom[k] = static_cast<float>(found.half_68);
    }
  }

 private:
  const std::optional<Forest>&group_, &lattice_;
};

// One pattern with enough disks.
struct Predicted {
  PatternLabel label;
  BraggList disks;
  std::vector<float> features;
};

Json weights_of(const AggregateLabel& all) {
  Json weights = Json::object();
  for (std::size_t s = 1; s < all.weight.size(); ++s)
    if (all.weight[s] > 0) weights[std::string(k_crystal_system_names[s])] = all.weight[s];
  return weights;
}

// One object for all patterns: they show one crystal.
Expected<Json> aggregate_json(const CrystalModelParts& parts, std::span<const std::string> phases,
                              std::optional<CrystalSystem> lattice_system, std::vector<Predicted> patterns) {
  const auto group = GroupModel::create(parts);
  if (!group) return tl::unexpected(group.error());
  std::vector<PatternLabel> labels;
  std::vector<BraggList> lists;
  std::vector<SystemProbabilities> each;
  for (const Predicted& one : patterns) {
    labels.push_back(one.label);
    lists.push_back(one.disks);
    each.push_back(group->ask_one(one.features));
  }
  const AggregateLabel voted = aggregate(labels);
  const GroupLabel together = group->ask(lists, each);
  const SystemForests groups(parts, together.system),
      lengths(parts, lattice_system.value_or(together.system));
  if (phases.empty())
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      groups.group(patterns[i].features.data(), labels[i]);
      lengths.lattice(patterns[i].features.data(), labels[i]);
    }
  else
    std::erase_if(labels, [&](const PatternLabel& label) { return label.phase != together.phase; });
  std::uint16_t space_group = 0;
  std::array<float, 3> lattice{};
  agree_on_structure(labels, space_group, lattice);
  Json out = {{"patterns", patterns.size()}, {"crystal_system", name_of(together.system)}};
  Json probabilities = Json::object();
  const std::size_t first = phases.empty() ? 1 : 0, end = phases.empty() ? k_crystal_systems : phases.size();
  for (std::size_t k = first; k < end; ++k)
    if (together.probability[k] > 0)
      probabilities[phases.empty() ? std::string(k_crystal_system_names[k]) : phases[k]] =
          rounded(together.probability[k]);
  if (!phases.empty()) out["phase"] = patterns.empty() ? Json() : Json(phases[together.phase]);
  out["confidence"] = rounded(together.confidence);
  out["probabilities"] = probabilities;
  out["rule"] = group->has_forest() ? "forest for groups and log probabilities" : "log probabilities";
  out["space_group"] = space_group;
  out["lattice_angstrom"] = numbers(lattice);
  out["difference_aggregation"] = {{"crystal_system", name_of(voted.system)},
                                   {"weights", weights_of(voted)},
                                   {"confidence", rounded(voted.confidence)}};
  return out;
}

int run(const Options& options) {
  std::optional<CrystalSystem> lattice_system;
  if (options.lattice_system != "own") {
    lattice_system = crystal_system_from_name(options.lattice_system);
    if (!lattice_system)
      return report(
          Error{ErrorArea::usage, "--lattice-system: '" + options.lattice_system + "' is no crystal system"});
  }
  const auto parts = load_crystal_model_parts(model_path(options.model));
  if (!parts) return report(parts.error());
  const auto model = make_crystal_model(parts->parts, parts->checksum);
  if (!model) return report(model.error());
  const auto peaks = read_peaks_csv(options.peaks);
  if (!peaks) return report(peaks.error());
  const FeatureSet& features = (*model)->features();
  const auto feature_scratch = features.make_scratch();
  const auto model_scratch = (*model)->make_scratch();
  std::vector<float> values(features.size());
  std::vector<Predicted> kept;
  for (std::size_t i = 0; i < peaks->patterns.size(); ++i) {
    const BraggList& list = peaks->patterns[i];
    PatternLabel label;
    Json groups = Json::object();
    if (list.size() >= k_min_disks) {
      features.compute(list, feature_scratch.get(), values);
      (*model)->predict(values, *model_scratch, std::span(&label, 1));
      if (lattice_system) SystemForests(parts->parts, *lattice_system).lattice(values.data(), label);
      groups = SystemForests(parts->parts, label.system).group(values.data(), label);
      if (options.aggregate) kept.push_back({label, list, values});
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
  const auto line = aggregate_json(parts->parts, (*model)->phase_names(), lattice_system, std::move(kept));
  if (!line) return report(line.error());
  fmt::print("{}\n", line->dump());
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
