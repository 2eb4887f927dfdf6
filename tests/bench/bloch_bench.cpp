// Speed of the diffraction simulator, in CPU time of one core: bloch_bench [crystals] [orientations].
//   1 Au [001] against py4DSTEM   2 a random draw of the training set   3 cost against beams and thickness,
//   both solvers
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>
#include <vector>

#include "core/bloch/bloch_wave.hpp"
#include "core/bloch/kernels.hpp"
#include "core/bloch/solvers.hpp"
#include "core/bloch/zone_axes.hpp"
#include "core/crystal/crystal_list.hpp"
#include "tests/bench/thread_time.hpp"

using namespace bragglive;
using namespace bragglive::bench;

namespace {

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, std::size_t(share * double(values.size())))];
}

Crystal gold() {
  Crystal crystal;
  crystal.id = "Au";
  crystal.cell = {4.0786, 4.0786, 4.0786};
  for (const Eigen::Vector3d& r : {Eigen::Vector3d(0, 0, 0), Eigen::Vector3d(0, .5, .5),
                                   Eigen::Vector3d(.5, 0, .5), Eigen::Vector3d(.5, .5, 0)})
    crystal.atoms.push_back({79, r, 1, 0, {}});
  return crystal;
}

std::vector<double> range(double first, double last, double step) {
  std::vector<double> values;
  for (double x = first; x <= last + 1e-9; x += step) values.push_back(x);
  return values;
}

void gold_001() {
  constexpr double k_py4dstem_ms = 130;  // research/science-baseline.md §4.2, one core
  std::puts("\nAu [001], 300 kV, k_max 2, |s| <= 0.06; limit 0.5 ms (one thickness), 5 ms (100 to 200 nm)");
  const Orientation orientation = orientation_along(Eigen::Vector3d(0, 0, 1)).value();
  for (const Precision precision : {Precision::float64, Precision::float32})
    for (const Solver solver : {Solver::automatic, Solver::eigen, Solver::propagator})
      for (const auto& nm : {std::vector<double>{20}, range(2, 200, 2)}) {
        BlochSettings settings;
        settings.precision = precision;
        settings.solver = solver;
        const auto simulator = BlochSimulator::create(gold(), settings).value();
        BlochScratch scratch;
        DiffractionPattern pattern;
        const double ms =
            1e3 * best_of(10, [&] { (void)simulator.pattern(orientation, nm, scratch, pattern); });
        fmt::print(
            "  {} {:10} {:3} thicknesses: {:7.3f} ms, {} beams ({} coupled), {} -> {:6.0f} x py4DSTEM\n",
            precision == Precision::float64 ? "double" : "single",
            solver == Solver::automatic ? "automatic"
            : solver == Solver::eigen   ? "eigen"
                                        : "propagator",
            nm.size(), ms, pattern.beams.size(), pattern.coupled_beams,
            pattern.solver == Solver::eigen ? "eigen" : "propagator", k_py4dstem_ms / ms);
      }
}

struct Draw {
  double table = 0, patterns = 0;  // seconds
  std::vector<double> beams, milliseconds;
  std::size_t eigen = 0, real = 0;
};

void random_draw(const CrystalList& crystals, std::size_t count, int orientations, double sg_max,
                 double limit) {
  BlochSettings settings;
  settings.sg_max = sg_max;
  settings.thermal_displacement = 0.08;
  settings.precision = Precision::float32;
  BlochScratch scratch;
  DiffractionPattern pattern;
  Draw draw;
  const std::vector<double> nm = {20};
  CounterRandom choose(random_key(7, 1));
  for (std::size_t i = 0; i < count; ++i) {
    const auto crystal = crystals.load(choose.bits() % crystals.size());
    if (!crystal) continue;
    double start = thread_seconds();
    const auto simulator = BlochSimulator::create(*crystal, settings);
    draw.table += thread_seconds() - start;
    if (!simulator) continue;
    const LaueClass laue = laue_class_of_space_group(crystal->space_group);
    for (int k = 0; k < orientations; ++k) {
      const Orientation orientation = orientation_along(random_zone(laue, choose)).value();
      start = thread_seconds();
      (void)simulator->pattern(orientation, nm, scratch, pattern);
      const double taken = thread_seconds() - start;
      draw.patterns += taken;
      draw.beams.push_back(double(pattern.coupled_beams));
      draw.milliseconds.push_back(1e3 * taken);
      draw.eigen += pattern.solver == Solver::eigen;
    }
  }
  const double n = double(draw.beams.size());
  const double rate = n / (draw.table + draw.patterns);
  fmt::print("\n|s| <= {}: {} crystals x {} orientations, 20 nm, nothing cut off\n", sg_max, count,
             orientations);
  fmt::print("  coupled beams 10/50/90/99/100 %: {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}\n",
             percentile(draw.beams, .1), percentile(draw.beams, .5), percentile(draw.beams, .9),
             percentile(draw.beams, .99), percentile(draw.beams, 1));
  fmt::print("  ms per pattern 10/50/90/99/100 %: {:.2f} {:.2f} {:.2f} {:.2f} {:.2f}; eigen chosen {}\n",
             percentile(draw.milliseconds, .1), percentile(draw.milliseconds, .5),
             percentile(draw.milliseconds, .9), percentile(draw.milliseconds, .99),
             percentile(draw.milliseconds, 1), draw.eigen);
  fmt::print(
      "  couplings {:.2f} ms per crystal; {:.0f} patterns/s per core with them, {:.0f} without; limit "
      "{:.0f}: ratio {:.2f}\n",
      1e3 * draw.table / double(count), rate, n / draw.patterns, limit, rate / limit);
  const double per_pattern = draw.patterns / n + draw.table / double(count) / 100;
  fmt::print("  the paper's training set at 20 nm (28,000 x 100): {:.2f} h on 2 cores (limit 2 h at 0.06)\n",
             28000.0 * 100 * per_pattern / 2 / 3600);
}

// One crystal whose orthorhombic cell is stretched until the wanted number of beams couples.
Crystal scalable(double volume, bool centrosymmetric) {
  Crystal crystal;
  crystal.id = "scalable";
  crystal.cell = {5, 5.3, volume / (5 * 5.3)};
  crystal.atoms.push_back({14, {0.1, 0.2, 0.3}, 1, 0, {}});
  crystal.atoms.push_back({8, {0.4, 0.1, 0.15}, 1, 0, {}});
  crystal.atoms.push_back({26, {0.25, 0.4, 0.6}, 1, 0, {}});
  if (centrosymmetric)
    for (int i = 0; i < 3; ++i) {
      Atom mirrored = crystal.atoms[std::size_t(i)];
      mirrored.position = Eigen::Vector3d::Ones() - mirrored.position;
      crystal.atoms.push_back(mirrored);
    }
  return crystal;
}

void solvers_compared() {
  std::puts(
      "\ncost against beams and thickness, |s| <= 0.06, single precision: propagator ms / eigen ms "
      "(eigen/propagator), * = wrong automatic choice");
  const std::vector<std::vector<double>> lists = {{20}, {100}, {200}, range(2, 200, 2)};
  for (const char* kind : {"real", "complex", "absorbing"})
    for (const double volume : {40.0, 80.0, 160.0, 320.0}) {
      const bool centrosymmetric = kind[0] == 'r', absorbing = kind[0] == 'a';
      if (absorbing && volume > 100) continue;  // the general eigen-solver takes minutes there
      std::string line;
      std::size_t beams = 0;
      for (const auto& nm : lists) {
        double ms[2] = {};
        Solver automatic = Solver::automatic;
        for (const Solver solver : {Solver::automatic, Solver::propagator, Solver::eigen}) {
          BlochSettings settings;
          settings.precision = Precision::float32;
          settings.solver = solver;
          settings.absorption = absorbing;
          const auto simulator = BlochSimulator::create(scalable(volume, centrosymmetric), settings).value();
          BlochScratch scratch;
          DiffractionPattern pattern;
          const Orientation orientation = orientation_along(Eigen::Vector3d(0.3, 0.2, 0.9)).value();
          const auto work = [&] { (void)simulator.pattern(orientation, nm, scratch, pattern); };
          if (solver == Solver::automatic) {
            work();
            automatic = pattern.solver;
          } else {
            ms[solver == Solver::eigen] = 1e3 * best_of(2, work);
          }
          beams = pattern.coupled_beams;
        }
        const bool wrong = (ms[1] < ms[0]) != (automatic == Solver::eigen);
        line += fmt::format("  {:2}x{:3.0f}nm {:6.2f}/{:7.2f} ({:5.1f}){}", nm.size(), nm.back(), ms[0],
                            ms[1], ms[1] / ms[0], wrong ? "*" : " ");
      }
      fmt::print("  {:9} {:4} beams{}\n", kind, beams, line);
    }
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::size_t(std::atoi(argv[1])) : 100;
  const int orientations = argc > 2 ? std::atoi(argv[2]) : 10;
  fmt::print("instruction set: {}\n", instruction_set());
  gold_001();
  const char* place = std::getenv("BRAGGLIVE_SHARED");
  const std::string file = std::string(place ? place : BRAGGLIVE_SOURCE_DIR "/../shared") +
                           "/data/crystals/mp_observed_conventional.jsonl.gz";
  const auto crystals = CrystalList::open(file);
  if (crystals) {
    random_draw(*crystals, count, orientations, 0.04, 600);
    random_draw(*crystals, count, orientations, 0.06, 200);
  } else {
    fmt::print("skipped the random draw: {}\n", crystals.error().message);
  }
  solvers_compared();
  return 0;
}
