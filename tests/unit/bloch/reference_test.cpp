// Every reference case of the field's public tool, with both solvers.
#include "tests/unit/bloch/reference.hpp"

#include <array>
#include <map>

using namespace bragglive;
using namespace bragglive::test;

namespace {

struct Method {
  const char* name;
  FactorTable factors;
  bool absorption;
  double displacement;
  double tolerance;
};
constexpr Method k_lobato = {"Lobato", FactorTable::lobato, false, 0, 1e-8};
constexpr Method k_corrected = {"WK-CP-corrected", FactorTable::weickenmeier_kohl, true, 0.08, 1e-7};

BlochSettings settings_of(const Method& method, Solver solver, Precision precision) {
  BlochSettings settings;
  settings.factors = method.factors;
  settings.absorption = method.absorption;
  settings.thermal_displacement = method.displacement;
  settings.solver = solver;
  settings.precision = precision;
  return settings;
}

struct Comparison {
  std::size_t missing = 0, extra = 0;
  double worst = 0, worst_position = 0;
};

Comparison compare(const nlohmann::json& pattern, const char* method, const DiffractionPattern& ours) {
  std::map<std::array<int, 3>, std::size_t> place;
  for (std::size_t i = 0; i < ours.beams.size(); ++i)
    place[{ours.beams[i].h, ours.beams[i].k, ours.beams[i].l}] = i;
  Comparison result;
  const auto& hkl = pattern["hkl"];
  for (std::size_t i = 0; i < hkl.size(); ++i) {
    const auto at = place.find({hkl[i][0], hkl[i][1], hkl[i][2]});
    if (at == place.end()) {
      ++result.missing;
      continue;
    }
    const Beam& beam = ours.beams[at->second];
    for (const double d : {beam.qx - pattern["qx"][i].get<double>(), beam.qy - pattern["qy"][i].get<double>(),
                           beam.excitation_error - pattern["sg"][i].get<double>()})
      result.worst_position = std::max(result.worst_position, std::abs(d));
    for (std::size_t t = 0; t < pattern["thickness_A"].size(); ++t) {
      const double expected = pattern["intensity"][method][t][i];
      result.worst = std::max(result.worst, std::abs(ours.at(t)[at->second] - expected));
    }
  }
  result.extra = ours.beams.size() - (hkl.size() - result.missing);
  return result;
}

void check_all(const Method& method, Solver solver, Precision precision, double tolerance,
               std::size_t max_beams) {
  if (!have_shared("reference/bloch/index.json")) return;
  const auto index = read_json("reference/bloch/index.json");
  std::map<std::string, BlochSimulator> simulators;
  BlochScratch scratch;
  DiffractionPattern ours;
  for (const auto& entry : index["cases"]) {
    const auto pattern = read_json("reference/bloch/" + entry["file"].get<std::string>());
    if (pattern["n_beams"] > max_beams) continue;
    const std::string name = entry["crystal"];
    if (!simulators.contains(name)) {
      auto made =
          BlochSimulator::create(reference_crystal(index, name), settings_of(method, solver, precision));
      REQUIRE(made.has_value());
      simulators.emplace(name, std::move(*made));
    }
    std::vector<double> nm;
    for (const auto& angstrom : pattern["thickness_A"]) nm.push_back(angstrom.get<double>() / 10);
    REQUIRE(simulators.at(name).pattern(reference_orientation(pattern), nm, scratch, ours).has_value());
    const Comparison result = compare(pattern, method.name, ours);
    INFO(entry["file"] << " beams " << ours.beams.size() << " coupled " << ours.coupled_beams);
    CHECK(result.missing == 0);
    CHECK(result.extra == 0);
    CHECK(result.worst_position < 1e-8);
    CHECK(result.worst < tolerance);
  }
}

}  // namespace

TEST_CASE("Lobato reference cases, eigen-decomposition", "[reference]") {
  check_all(k_lobato, Solver::eigen, Precision::float64, k_lobato.tolerance, 450);
}

TEST_CASE("Lobato reference cases, propagator", "[reference]") {
  check_all(k_lobato, Solver::propagator, Precision::float64, k_lobato.tolerance, 2000);
}

TEST_CASE("Lobato reference cases in single precision stay within 1e-5", "[reference]") {
  check_all(k_lobato, Solver::propagator, Precision::float32, 1e-5, 2000);
}

TEST_CASE("Weickenmeier-Kohl in single precision stays within 1e-5", "[reference]") {
  check_all(k_corrected, Solver::propagator, Precision::float32, 1e-5, 2000);
}

TEST_CASE("Weickenmeier-Kohl with corrected absorption, eigen-decomposition", "[reference]") {
  check_all(k_corrected, Solver::eigen, Precision::float64, k_corrected.tolerance, 200);
}

TEST_CASE("Weickenmeier-Kohl with corrected absorption, propagator", "[reference]") {
  check_all(k_corrected, Solver::propagator, Precision::float64, k_corrected.tolerance, 2000);
}
