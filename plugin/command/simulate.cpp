// `bragglive simulate`: crystals -> a data set of diffraction patterns for training.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "core/bloch/dataset_run.hpp"
#include "plugin/command/command.hpp"
#include "plugin/command/numbers.hpp"
#include "plugin/command/progress.hpp"
#include "plugin/version.hpp"

namespace bragglive::command {
namespace {

// The signal handler can reach nothing else.
std::atomic<bool> interrupted{false};

struct Options {
  std::string crystals, out, preset = "field", zones, noise, thickness, rotations, shard = "1/1", factors,
                             absorption, displacement, precision = "single", split, systems;
  int zone_axes = 0;
  double voltage = 300, k_max = 2, sg_max = 0, min_intensity = -1, position_noise = -1, intensity_noise = -1,
         bethe = 0, max_volume = 0;
  std::uint64_t seed = 1, limit = 0;
  unsigned threads = 0;
  bool restart = false;
};

Expected<void> read_shard(const std::string& text, DatasetSettings& s) {
  const std::size_t slash = text.find('/');
  const char* end = text.data() + text.size();
  if (slash != std::string::npos) {
    const auto first = std::from_chars(text.data(), text.data() + slash, s.shard);
    const auto second = std::from_chars(text.data() + slash + 1, end, s.shards);
    if (first.ec == std::errc() && second.ec == std::errc() && first.ptr == text.data() + slash &&
        second.ptr == end)
      return {};
  }
  return fail(ErrorArea::usage, "--shard: \"{}\" is not I/N, for example 1/8", text);
}

Expected<void> read_physics(const Options& o, BlochSettings& b) {
  b.voltage_kv = o.voltage;
  b.k_max = o.k_max;
  if (o.sg_max > 0) b.sg_max = o.sg_max;
  if (o.factors == "weickenmeier-kohl") b.factors = FactorTable::weickenmeier_kohl;
  b.absorption = o.absorption.empty() ? b.factors == FactorTable::weickenmeier_kohl : o.absorption == "on";
  if (o.displacement == "cif") {
    b.thermal_displacement.reset();
  } else if (!o.displacement.empty()) {
    const auto value = parse_numbers(o.displacement, 1, "--thermal-displacement");
    if (!value) return tl::unexpected(value.error());
    b.thermal_displacement = value->front();
  }
  b.precision = o.precision == "double" ? Precision::float64 : Precision::float32;
  if (o.bethe > 0) b.bethe_ratio = o.bethe;
  return {};
}

Expected<void> read_systems(const std::string& text, std::vector<CrystalSystem>& systems) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string name = text.substr(at, end - at);
    const auto system = crystal_system_from_name(name);
    if (!system || *system == CrystalSystem::none)
      return fail(ErrorArea::usage,
                  "--systems: \"{}\" is not a crystal system (cubic, hexagonal, trigonal, …)", name);
    systems.push_back(*system);
    at = end + 1;
  }
  return {};
}

// random:LOW:HIGH[:DRAWS] or log-random:LOW:HIGH[:DRAWS]; false: it is a list.
Expected<bool> read_random_thickness(const std::string& text, DatasetSettings& s) {
  const bool logarithmic = text.starts_with("log-random:");
  if (!logarithmic && !text.starts_with("random:")) return false;
  std::string list = text.substr(text.find(':') + 1);
  std::replace(list.begin(), list.end(), ':', ',');
  const auto values = parse_numbers(list, 0, "--thickness-nm");
  if (!values) return tl::unexpected(values.error());
  const double draws = values->size() == 3 ? values->back() : 1;
  if (values->size() < 2 || values->size() > 3 || draws != std::floor(draws) || std::abs(draws) > 1000)
    return fail(
        ErrorArea::usage,
        "--thickness-nm: \"{}\" is not random:LOW:HIGH or random:LOW:HIGH:DRAWS, for example random:2:200:2",
        text);
  s.random_thickness = RandomThickness{(*values)[0], (*values)[1], static_cast<int>(draws), logarithmic};
  return true;
}

Expected<DatasetSettings> settings_of(const Options& o) {
  auto s = dataset_preset(o.preset);
  if (!s) return s;
  if (auto ok = read_physics(o, s->bloch); !ok) return tl::unexpected(ok.error());
  if (o.zone_axes != 0) s->zone_axes = o.zone_axes;
  if (!o.zones.empty()) s->zones = o.zones == "grid" ? ZoneChoice::grid : ZoneChoice::random;
  if (!o.rotations.empty()) s->rotations = o.rotations == "fixed" ? InPlane::fixed : InPlane::random;
  if (!o.noise.empty()) s->noise = dataset_preset(o.noise == "field" ? "field" : "paper")->noise;
  if (o.min_intensity >= 0) s->noise.min_intensity = o.min_intensity;
  if (o.position_noise >= 0) s->noise.position_sigma = o.position_noise;
  if (o.intensity_noise >= 0) s->noise.intensity_sigma = o.intensity_noise;
  const auto random_thickness = read_random_thickness(o.thickness, *s);
  if (!random_thickness) return tl::unexpected(random_thickness.error());
  if (!o.thickness.empty() && !*random_thickness) {
    auto nm = parse_ranges(o.thickness, "--thickness-nm");
    if (!nm) return tl::unexpected(nm.error());
    s->thicknesses_nm = std::move(*nm);
  }
  s->seed = o.seed;
  s->limit = o.limit;
  s->max_volume = o.max_volume;
  s->split = o.split == "train" ? Split::train : o.split == "test" ? Split::test : Split::none;
  if (auto ok = read_systems(o.systems, s->systems); !ok) return tl::unexpected(ok.error());
  if (auto ok = read_shard(o.shard, *s); !ok) return tl::unexpected(ok.error());
  if (auto ok = validate(*s); !ok) return tl::unexpected(ok.error());
  return s;
}

// Open MPI and other launchers tell every process its rank; the work itself needs no messages, only the
// shared folder.
void read_ranks(DatasetRun& run) {
  constexpr const char* names[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                      {"PMI_RANK", "PMI_SIZE"}};
  for (const auto& [rank_name, size_name] : names) {
    const char *rank = std::getenv(rank_name), *size = std::getenv(size_name);
    if (!rank || !size) continue;
    const int r = std::atoi(rank), n = std::atoi(size);
    if (n < 1 || r < 0 || r >= n) continue;
    run.rank = r;
    run.ranks = n;
    return;
  }
}

void print_result(const DatasetResult& result, const std::string& out, double seconds) {
  for (const std::string& reason : result.skipped)
    std::fprintf(stderr, "bragglive: left out: %s\n", reason.c_str());
  const DatasetSummary& s = result.summary;
  std::fprintf(stderr, "%s\n",
               fmt::format("{}: {} materials ({} left out), {} patterns, {} spots{}", out, s.materials,
                           s.skipped, s.patterns, s.spots,
                           result.was_complete ? "; was complete" : fmt::format("; {:.1f} s", seconds))
                   .c_str());
}

int run(const Options& o) {
  DatasetRun run;
  const auto settings = settings_of(o);
  if (!settings) return report(settings.error());
  run.settings = *settings;
  run.out = o.out;
  run.program_version = k_version;
  run.threads = o.threads > 0 ? int(o.threads) : int(std::max(1u, std::thread::hardware_concurrency()));
  run.restart = o.restart;
  run.stop = &interrupted;
  read_ranks(run);
  const auto crystals = CrystalList::open(o.crystals);
  if (!crystals) return report(crystals.error());
  const auto start = std::chrono::steady_clock::now();
  Expected<DatasetResult> result = DatasetResult{};
  {
    Progress progress("simulating");
    run.progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total, "patterns"); };
    std::signal(SIGINT, [](int) { interrupted = true; });
    std::signal(SIGTERM, [](int) { interrupted = true; });
    result = run_dataset(*crystals, run);
  }
  if (!result) return report(result.error());
  if (interrupted) {
    std::fprintf(
        stderr,
        "bragglive: stopped; what is done is kept in %s.parts: run the same command again to continue\n",
        o.out.c_str());
    return 130;
  }
  if (result->finished)
    print_result(*result, o.out,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return 0;
}

}  // namespace

Run add_simulate(CLI::App& app) {
  auto o = std::make_shared<Options>();
  const auto one_of = [](std::vector<std::string> names) { return CLI::IsMember(std::move(names)); };
  app.add_option("crystals", o->crystals, "folder of CIF files, a CIF file, or .jsonl / .jsonl.gz")
      ->required();
  app.add_option("--out", o->out, "data set to write (HDF5)")->required();
  app.add_option("--preset", o->preset, "paper: grid zones, fixed frame, no noise; field: as at a microscope")
      ->check(one_of({"paper", "field"}))
      ->capture_default_str();
  app.add_option("--zone-axes", o->zone_axes, "zone axes per crystal (100)")->check(CLI::Range(1, 2000));
  app.add_option("--zones", o->zones, "grid: one even grid per Laue class; random: uniform over its sector")
      ->check(one_of({"grid", "random"}));
  app.add_option("--rotations", o->rotations, "in-plane frame: random (with mirror images) or fixed")
      ->check(one_of({"random", "fixed"}));
  app.add_option("--noise", o->noise,
                 "none | field: position 0.003 1/Å, intensity 10 %, spots below 5e-4 lost")
      ->check(one_of({"none", "field"}));
  app.add_option("--position-noise", o->position_noise, "standard deviation of spot positions, 1/Å");
  app.add_option("--intensity-noise", o->intensity_noise, "standard deviation of ln intensity");
  app.add_option(
      "--min-intensity", o->min_intensity,
      "weaker spots are left out (incident beam = 1); the paper's experiment keeps them all: 1e-8");
  app.add_option("--thickness-nm", o->thickness,
                 "thicknesses, nm: 20 | 5,10,20 | 2:200:2 | random:2:200 (one drawn per zone axis) | "
                 "random:2:200:3 (three) | "
                 "log-random:2:200:3 (20)");
  app.add_option("--voltage-kv", o->voltage, "accelerating voltage, kV")->capture_default_str();
  app.add_option("--k-max", o->k_max, "largest scattering vector of a beam, 1/Å")->capture_default_str();
  app.add_option("--sg-max", o->sg_max, "largest excitation error of a beam, 1/Å (paper 0.06, field 0.04)");
  app.add_option("--factors", o->factors, "scattering factors (lobato)")
      ->check(one_of({"lobato", "weickenmeier-kohl"}));
  app.add_option("--absorption", o->absorption, "on | off (on with weickenmeier-kohl)")
      ->check(one_of({"on", "off"}));
  app.add_option("--thermal-displacement", o->displacement,
                 "rms displacement of all atoms, Å, or `cif` (0.08)");
  app.add_option("--precision", o->precision, "single | double")
      ->check(one_of({"single", "double"}))
      ->capture_default_str();
  app.add_option("--bethe", o->bethe, "eliminate beams with 2 k0 |s| / |U| above this ratio (0: keep all)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--split", o->split, "only the materials of one side: train | test")
      ->check(one_of({"train", "test", "all"}));
  app.add_option("--systems", o->systems, "only these crystal systems, e.g. cubic,hexagonal");
  app.add_option("--max-volume", o->max_volume,
                 "only crystals with a conventional cell up to that volume, Å³ (0: all)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--limit", o->limit, "at most so many materials, drawn at random by the seed (0: all)");
  app.add_option("--seed", o->seed, "seed of all random numbers")->capture_default_str();
  app.add_option("--shard", o->shard, "part I of N of the materials (I from 1), for job arrays")
      ->capture_default_str();
  app.add_flag("--restart", o->restart, "discard the parts of an unfinished run with other settings");
  app.add_option("--threads", o->threads, "threads (0: all cores)")->capture_default_str();
  return [o] { return run(*o); };
}

}  // namespace bragglive::command
