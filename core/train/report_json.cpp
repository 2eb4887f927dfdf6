#include <cmath>
#include <nlohmann/json.hpp>

#include "core/train/report.hpp"

namespace bragglive {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  return std::isfinite(value) ? Json(std::round(value * 1e6) / 1e6) : Json();
}

// Systems that occur, in the order of their numbers; the rows and columns of the matrices.
std::vector<std::size_t> systems_of(const SystemScores& scores) {
  std::vector<std::size_t> out;
  for (std::size_t s = 1; s < static_cast<std::size_t>(k_crystal_systems); ++s) {
    double seen = 0;
    for (std::size_t k = 0; k < static_cast<std::size_t>(k_crystal_systems); ++k)
      seen += scores.count[s][k] + scores.count[k][s];
    if (seen > 0) out.push_back(s);
  }
  return out;
}

Json system_json(const SystemScores& scores) {
  Json out = {{"accuracy", number(scores.accuracy())}};
  const auto systems = systems_of(scores);
  Json labels = Json::array(), confusion = Json::array(), confidence = Json::array();
  Json sensitivity = Json::object(), precision = Json::object();
  for (const std::size_t row : systems) {
    Json shares = Json::array(), means = Json::array();
    for (const std::size_t col : systems) {
      const double n = scores.count[row][col];
      shares.push_back(number(n / scores.total));
      means.push_back(n > 0 ? number(scores.confidence_sum[row][col] / n) : Json());
    }
    const std::string name(k_crystal_system_names[row]);
    labels.push_back(name);
    confusion.push_back(shares);
    confidence.push_back(means);
    sensitivity[name] = number(scores.sensitivity(row));
    precision[name] = number(scores.precision(row));
  }
  out["labels"] = labels;
  out["confusion"] = confusion;
  out["mean_confidence"] = confidence;
  out["sensitivity"] = sensitivity;
  out["precision"] = precision;
  double unlabelled = 0;
  for (const auto& row : scores.count) unlabelled += row[0];
  out["mean_confidence_right"] = number(scores.mean_confidence(true));
  out["mean_confidence_wrong"] = number(scores.mean_confidence(false));
  out["without_label"] = number(unlabelled / scores.total);
  return out;
}

Json groups_json(const std::array<Share, k_crystal_systems>& shares) {
  Json out = Json::object();
  for (std::size_t s = 1; s < shares.size(); ++s)
    if (shares[s].total > 0) out[std::string(k_crystal_system_names[s])] = number(shares[s].value());
  return out;
}

Json lattice_json(const LengthGuesses& guesses) {
  Json out = Json::object();
  for (std::size_t s = 1; s < guesses.size(); ++s) {
    if (guesses[s][0].empty()) continue;
    Json medians = Json::array();
    for (const auto& of_length : guesses[s]) medians.push_back(number(median_error(of_length)));
    out[std::string(k_crystal_system_names[s])] = medians;
  }
  return out;
}

Json curve_json(const Curve& curve) {
  Json out = Json::array();
  for (std::size_t i = 0; i < curve.share.size(); ++i) {
    const Share& share = curve.share[i];
    if (share.total == 0) continue;
    out.push_back({{"up_to", i < curve.edge.size() ? Json(curve.edge[i]) : Json()},
                   {"mean", number(curve.sum[i] / share.total)},
                   {"accuracy", number(share.value())},
                   {"patterns", share.total}});
  }
  return out;
}

}  // namespace

std::string report_json(const Evaluation& evaluation, const ReportContext& context) {
  Json out;
  out["crystal_system"] = {{"individual", system_json(evaluation.individual)},
                           {"aggregate10", system_json(evaluation.aggregate10)},
                           {"merged10", system_json(evaluation.merged10)}};
  out["space_group"] = {{"individual", groups_json(evaluation.group_individual)},
                        {"aggregate10", groups_json(evaluation.group_aggregate10)}};
  out["lattice_median_abs_error_angstrom"] = {{"individual", lattice_json(evaluation.lattice_individual)},
                                              {"aggregate10", lattice_json(evaluation.lattice_aggregate10)}};
  out["by_confidence"] = curve_json(evaluation.by_confidence);
  out["by_spots"] = curve_json(evaluation.by_spots);
  out["by_thickness_nm"] = curve_json(evaluation.by_thickness);
  out["calibration_error"] = number(evaluation.calibration_error());
  out["mixed_auc"] = number(evaluation.mixed_auc);
  out["outlier_auc"] = number(evaluation.outlier_auc);
  Json stress = Json::array();
  for (const auto& one : evaluation.stress) {
    Json at = Json::array();
    for (const auto& [value, share] : one.at)
      at.push_back({{"at", value}, {"accuracy", number(share.value())}, {"patterns", share.total}});
    stress.push_back({{"what", one.what}, {"curve", at}});
  }
  out["stress"] = stress;
  out["counts"] = {{"materials", evaluation.materials},
                   {"patterns", evaluation.patterns},
                   {"patterns_with_too_few_disks", evaluation.too_few_disks}};
  Json settings = Json::parse(context.settings, nullptr, false);
  if (settings.is_object()) {
    settings["merged10_rule"] =
        evaluation.merged_by_forest
            ? "log probability of the model's forest for groups, on features of ten spot lists, plus a share "
              "of the sum of those of the ten patterns"
            : "sum over ten patterns of log(mean leaf probability + 0.001)";
    settings["submodels"] =
        "space group and lattice of the predicted system, counted under the predicted system";
  }
  out["settings"] = settings.is_discarded() ? Json() : settings;
  return out.dump(1) + "\n";
}

}  // namespace bragglive
