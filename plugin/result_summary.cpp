#include "plugin/result_summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

namespace bragglive {
namespace {

double median(std::vector<float>& values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  const double upper = *middle;
  if (values.size() % 2 == 1) return upper;
  return (upper + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

ResultSummary summarise(const MapSnapshot& map, const RunTimes& times, const EngineCounters& counters) {
  ResultSummary summary;
  summary.positions = map.scan.positions();
  summary.states = map.states;
  const auto labelled = map.states[static_cast<std::size_t>(PositionState::labelled)];
  std::array<std::array<std::vector<float>, 3>, k_crystal_systems> lengths;
  for (const auto& row : map.rows)
    for (std::size_t col = 0; col < map.scan.cols; ++col) {
      const std::uint8_t system = row->system[col];
      if (system == 0 || row->raw_system[col] != system) continue;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const float value = row->lattice[axis][col];
        if (!std::isnan(value)) lengths[system][axis].push_back(value);
      }
    }
  for (std::size_t i = 0; i < map.systems.size(); ++i) {
    if (labelled > 0)
      summary.fractions[i] = static_cast<double>(map.systems[i]) / static_cast<double>(labelled);
    for (std::size_t axis = 0; axis < 3; ++axis) summary.lattice_median[i][axis] = median(lengths[i][axis]);
  }
  if (map.phases) {
    const std::size_t count = std::min<std::size_t>(map.phases->size(), map.phase_counts.size());
    summary.phase_names.assign(map.phases->begin(), map.phases->begin() + static_cast<std::ptrdiff_t>(count));
    for (std::size_t p = 0; p < count; ++p) {
      const std::uint64_t whole = p == 0 ? summary.positions : labelled;
      summary.phase_fractions.push_back(
          whole > 0 ? static_cast<double>(map.phase_counts[p]) / static_cast<double>(whole) : 0);
    }
  }
  summary.seconds = times.seconds;
  if (times.seconds > 0) summary.frames_per_second = static_cast<double>(times.frames) / times.seconds;
  summary.latency = counters.latency;
  summary.dropped = map.states[static_cast<std::size_t>(PositionState::skipped_by_policy)];
  summary.detector_dropped = counters.detector_dropped;
  return summary;
}

std::string to_json(const ResultSummary& summary) {
  nlohmann::ordered_json json;
  json["positions"] = summary.positions;
  for (std::size_t i = 0; i < summary.states.size(); ++i)
    json["states"][std::string(k_position_state_names[i])] = summary.states[i];
  json["fractions"] = nlohmann::ordered_json::object();
  json["lattice_median_angstrom"] = nlohmann::ordered_json::object();
  for (std::size_t i = 1; i < summary.fractions.size(); ++i) {
    const std::string name(k_crystal_system_names[i]);
    json["fractions"][name] = summary.fractions[i];
    if (!std::isnan(summary.lattice_median[i][0]))
      json["lattice_median_angstrom"][name] = summary.lattice_median[i];
  }
  for (std::size_t p = 0; p < summary.phase_names.size(); ++p)
    json["phases"][summary.phase_names[p]] = summary.phase_fractions[p];
  json["seconds"] = summary.seconds;
  json["frames_per_second"] = summary.frames_per_second;
  json["latency_ms"] = {
      {"p50", summary.latency.p50_ms}, {"p99", summary.latency.p99_ms}, {"max", summary.latency.max_ms}};
  json["dropped"] = summary.dropped;
  if (summary.detector_dropped) json["detector_dropped"] = *summary.detector_dropped;
  return json.dump();
}

std::string to_text(const ResultSummary& summary) {
  std::string text = fmt::format("{} positions in {:.1f} s ({:.0f} frames/s):", summary.positions,
                                 summary.seconds, summary.frames_per_second);
  for (std::size_t i = 0; i < summary.states.size(); ++i)
    if (summary.states[i] > 0) text += fmt::format(" {} {}", summary.states[i], k_position_state_names[i]);
  if (summary.detector_dropped.value_or(0) != 0)
    text += fmt::format(" ({} dropped by the detector)", *summary.detector_dropped);
  text += "\n";
  for (std::size_t p = 1; p < summary.phase_names.size(); ++p)
    text += fmt::format("  {:<13}{:5.1f} %\n", summary.phase_names[p], 100 * summary.phase_fractions[p]);
  if (!summary.phase_names.empty())
    return text + fmt::format("  {} {:.1f} % of the scan\n", summary.phase_names[0],
                              100 * summary.phase_fractions[0]);
  for (std::size_t i = summary.fractions.size(); i-- > 1;) {
    if (summary.fractions[i] <= 0) continue;
    text += fmt::format("  {:<13}{:5.1f} %", k_crystal_system_names[i], 100 * summary.fractions[i]);
    const auto& abc = summary.lattice_median[i];
    if (!std::isnan(abc[0]))
      text += fmt::format("   median a b c  {:.2f} {:.2f} {:.2f} Å", abc[0], abc[1], abc[2]);
    text += "\n";
  }
  return text;
}

}  // namespace bragglive
