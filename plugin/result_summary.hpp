// The few numbers that say what a scan turned out to be.
#pragma once
#include <array>
#include <map>
#include <string>
#include <vector>

#include "core/label/map_snapshot.hpp"
#include "plugin/session.hpp"

namespace bragglive {

struct ResultSummary {
  std::uint64_t positions = 0;
  StateCounts states{};
  std::array<double, k_crystal_systems> fractions{};  // share of the labelled positions; 0 without any
  // Median a, b, c in Å of the labelled positions of each system whose own forests gave the lengths; NaN
  // without any.
  std::array<std::array<double, 3>, k_crystal_systems> lattice_median{};
  // With a specimen model: share of the labelled positions by phase, [0] the positions that are none of these
  // as a share of the scan. Empty names: a model of crystal systems.
  std::vector<std::string> phase_names;
  std::vector<double> phase_fractions;
  double seconds = 0;
  double frames_per_second = 0;
  LatencySummary latency;
  std::uint64_t dropped = 0;                      // skipped by policy
  std::optional<std::uint64_t> detector_dropped;  // by the detector itself, where it says so
};

ResultSummary summarise(const MapSnapshot& map, const RunTimes& times, const EngineCounters& counters);
// The JSON object of `label --json`, in one line.
std::string to_json(const ResultSummary& summary);
// A few lines for a person.
std::string to_text(const ResultSummary& summary);

}  // namespace bragglive
