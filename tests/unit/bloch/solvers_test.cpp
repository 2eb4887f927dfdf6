// The two solvers against each other and against conservation laws.
#include "core/bloch/solvers.hpp"

#include <numeric>
#include <random>

#include "core/bloch/bloch_wave.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

namespace {

Crystal crystal_of(CellParameters cell, std::vector<std::pair<int, Eigen::Vector3d>> atoms) {
  Crystal crystal;
  crystal.id = "test";
  crystal.cell = cell;
  for (const auto& [z, position] : atoms) {
    Atom atom;
    atom.z = z;
    atom.position = position;
    crystal.atoms.push_back(atom);
  }
  return crystal;
}

Crystal gold() {
  return crystal_of({4.0786, 4.0786, 4.0786},
                    {{79, {0, 0, 0}}, {79, {0, .5, .5}}, {79, {.5, 0, .5}}, {79, {.5, .5, 0}}});
}
Crystal polar() {
  return crystal_of(
      {3.99, 3.99, 4.04, 90, 90, 90},
      {{56, {0, 0, 0}}, {22, {.5, .5, .51}}, {8, {.5, .5, .98}}, {8, {.5, 0, .49}}, {8, {0, .5, .49}}});
}

DiffractionPattern simulate(const Crystal& crystal, const BlochSettings& settings, std::vector<double> nm,
                            Eigen::Vector3d zone = {0.1, 0.2, 1}) {
  BlochScratch scratch;
  DiffractionPattern pattern;
  const auto simulator = BlochSimulator::create(crystal, settings);
  REQUIRE(simulator.has_value());
  REQUIRE(simulator->pattern(orientation_along(zone).value(), nm, scratch, pattern).has_value());
  return pattern;
}

double worst_difference(const DiffractionPattern& a, const DiffractionPattern& b) {
  REQUIRE(a.intensities.size() == b.intensities.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.intensities.size(); ++i)
    worst = std::max(worst, std::abs(a.intensities[i] - b.intensities[i]));
  return worst;
}

}  // namespace

TEST_CASE("solvers agree to 1e-8 at all thicknesses from one expansion") {
  std::vector<double> nm(40);
  std::iota(nm.begin(), nm.end(), 1);
  for (double& t : nm) t *= 5;  // up to 200 nm
  for (const Crystal& crystal : {gold(), polar()})
    for (const bool absorption : {false, true}) {
      BlochSettings settings;
      settings.k_max = 1.5;
      settings.absorption = absorption;
      settings.factors = absorption ? FactorTable::weickenmeier_kohl : FactorTable::lobato;
      settings.thermal_displacement = absorption ? 0.08 : 0;
      settings.solver = Solver::eigen;
      const auto reference = simulate(crystal, settings, nm);
      settings.solver = Solver::propagator;
      const auto ours = simulate(crystal, settings, nm);
      CHECK(ours.solver == Solver::propagator);
      CHECK(worst_difference(reference, ours) < 1e-8);
    }
}

TEST_CASE("the short propagation agrees too, with many beams and with few") {
  for (const Crystal& crystal : {gold(), polar()})
    for (const double k_max : {0.2, 0.5, 1.0, 2.0})  // from the direct beam alone to hundreds
      for (const auto& zone : {Eigen::Vector3d(0, 0, 1), Eigen::Vector3d(0.1, 0.2, 1)}) {
        BlochSettings settings;
        settings.k_max = k_max;
        settings.solver = Solver::eigen;
        const auto reference = simulate(crystal, settings, {5, 20, 50}, zone);
        settings.solver = Solver::propagator;
        INFO(crystal.atoms.size() << " atoms, k_max " << k_max << ", beams " << reference.coupled_beams);
        CHECK(worst_difference(reference, simulate(crystal, settings, {5, 20, 50}, zone)) < 1e-10);
        settings.precision = Precision::float32;
        CHECK(worst_difference(reference, simulate(crystal, settings, {5, 20, 50}, zone)) < 1e-5);
      }
}

TEST_CASE("without absorption nothing is lost, with it something is") {
  BlochSettings settings;
  for (const Crystal& crystal : {gold(), polar()}) {
    settings.absorption = false;
    settings.factors = FactorTable::lobato;
    const auto elastic = simulate(crystal, settings, {20});
    CHECK(std::accumulate(elastic.intensities.begin(), elastic.intensities.end(), 0.0) ==
          Approx(1).epsilon(1e-10));
    settings.absorption = true;
    settings.factors = FactorTable::weickenmeier_kohl;
    settings.thermal_displacement = 0.08;
    const auto absorbed = simulate(crystal, settings, {20});
    const double total = std::accumulate(absorbed.intensities.begin(), absorbed.intensities.end(), 0.0);
    CHECK(total < 0.9);
    CHECK(total > 0.1);
  }
}

TEST_CASE("thicknesses may come in any order") {
  BlochSettings settings;
  const auto mixed = simulate(gold(), settings, {50, 10, 30});
  const auto sorted = simulate(gold(), settings, {10, 30, 50});
  for (std::size_t i = 0; i < mixed.beams.size(); ++i) {
    CHECK(mixed.at(0)[i] == sorted.at(2)[i]);
    CHECK(mixed.at(1)[i] == sorted.at(0)[i]);
  }
}

TEST_CASE("centring-forbidden reflections are beams without intensity") {
  const auto pattern = simulate(gold(), {}, {20}, {0, 0, 1});
  CHECK(pattern.beams.size() == 213);
  CHECK(pattern.coupled_beams < 80);
  for (std::size_t i = 0; i < pattern.beams.size(); ++i) {
    const Beam& b = pattern.beams[i];
    const bool allowed = (b.h + b.k) % 2 == 0 && (b.h + b.l) % 2 == 0;
    if (!allowed) CHECK(pattern.at(0)[i] == 0);
  }
}

TEST_CASE("Bethe potentials: fewer coupled beams, nearly the same intensities") {
  BlochSettings settings;
  const auto full = simulate(polar(), settings, {20});
  settings.bethe_ratio = 200;
  const auto reduced = simulate(polar(), settings, {20});
  CHECK(reduced.coupled_beams < full.coupled_beams);
  CHECK(worst_difference(full, reduced) < 5e-3);
  CHECK(worst_difference(full, reduced) > 0);
}

TEST_CASE("Bessel functions") {
  std::vector<double> row;
  for (const double x : {0.0, 0.3, 7.0, 60.0, 900.0}) {
    bessel_row(x, 1e-16, row);
    for (std::size_t k = 0; k < row.size() && k < 100; k += 7)
      CHECK(row[k] == Approx(x == 0 ? (k == 0 ? 1.0 : 0.0) : std::cyl_bessel_j(double(k), x)).margin(1e-10));
  }
}
