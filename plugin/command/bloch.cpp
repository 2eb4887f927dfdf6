// `bragglive bloch`: one crystal, one orientation, all thicknesses -> BEAMS.csv.
#include <fstream>
#include <memory>

#include "core/bloch/bloch_wave.hpp"
#include "core/crystal/cif.hpp"
#include "plugin/command/command.hpp"
#include "plugin/command/numbers.hpp"

namespace bragglive::command {
namespace {

struct Options {
  std::string crystal, zone, orientation, foil_normal, thickness = "20", out;
  std::string factors = "lobato", absorption, displacement, solver = "auto", precision = "double";
  double voltage = 300, k_max = 2, sg_max = 0.06, bethe = 0;
  unsigned threads = 1;
};

Expected<BlochSettings> settings_of(const Options& o) {
  BlochSettings s;
  s.voltage_kv = o.voltage;
  s.k_max = o.k_max;
  s.sg_max = o.sg_max;
  const bool absorptive = o.factors == "weickenmeier-kohl";
  s.factors = absorptive ? FactorTable::weickenmeier_kohl : FactorTable::lobato;
  s.absorption = o.absorption.empty() ? absorptive : o.absorption == "on";
  s.thermal_displacement = absorptive ? 0.08 : 0;
  if (o.displacement == "cif") {
    s.thermal_displacement.reset();
  } else if (!o.displacement.empty()) {
    const auto value = parse_numbers(o.displacement, 1, "--thermal-displacement");
    if (!value) return tl::unexpected(value.error());
    s.thermal_displacement = value->front();
  }
  if (o.bethe > 0) s.bethe_ratio = o.bethe;
  s.solver = o.solver == "eigen"        ? Solver::eigen
             : o.solver == "propagator" ? Solver::propagator
                                        : Solver::automatic;
  s.precision = o.precision == "single" ? Precision::float32 : Precision::float64;
  return s;
}

Expected<Orientation> orientation_of(const Options& o, const CellParameters& cell) {
  if (o.zone.empty() == o.orientation.empty())
    return fail(ErrorArea::usage, "give either --zone U,V,W or --orientation R11,R12,…,R33");
  Orientation found;
  if (!o.zone.empty()) {
    const auto uvw = parse_numbers(o.zone, 3, "--zone");
    if (!uvw) return tl::unexpected(uvw.error());
    const auto direction = zone_direction(cell, {(*uvw)[0], (*uvw)[1], (*uvw)[2]});
    if (!direction) return tl::unexpected(direction.error());
    auto made = orientation_along(*direction);
    if (!made) return made;
    found = *made;
  } else {
    const auto r = parse_numbers(o.orientation, 9, "--orientation");
    if (!r) return tl::unexpected(r.error());
    Eigen::Matrix3d axes;
    for (int i = 0; i < 9; ++i) axes(i / 3, i % 3) = (*r)[std::size_t(i)];
    auto made = make_orientation(axes, axes.col(2));
    if (!made) return made;
    found = *made;
  }
  if (o.foil_normal.empty()) return found;
  const auto n = parse_numbers(o.foil_normal, 3, "--foil-normal");
  if (!n) return tl::unexpected(n.error());
  return make_orientation(found.axes, {(*n)[0], (*n)[1], (*n)[2]});
}

std::string describe(const Options& o, const BlochSettings& s, const DiffractionPattern& pattern) {
  return fmt::format(
      "# bragglive bloch: crystal {}, {}, foil normal {}, voltage_kv {}, k_max {}, sg_max {}, factors {}, "
      "absorption {}, "
      "thermal_displacement {}, beams {}, coupled {}, solver {}",
      o.crystal, o.zone.empty() ? "orientation " + o.orientation : "zone " + o.zone,
      o.foil_normal.empty() ? "zone axis" : o.foil_normal, s.voltage_kv, s.k_max, s.sg_max,
      name_of(s.factors), s.absorption ? "on" : "off",
      s.thermal_displacement ? fmt::format("{}", *s.thermal_displacement) : std::string("cif"),
      pattern.beams.size(), pattern.coupled_beams, pattern.solver == Solver::eigen ? "eigen" : "propagator");
}

Expected<void> write_beams(const std::string& file, const std::string& settings,
                           const std::vector<double>& nm, const DiffractionPattern& pattern) {
  std::ofstream out(file);
  if (!out) return fail(ErrorArea::file, "{}: cannot be written; is the folder there?", file);
  out << settings << "\nthickness_nm,h,k,l,qx,qy,intensity\n";
  for (std::size_t t = 0; t < nm.size(); ++t)
    for (std::size_t i = 0; i < pattern.beams.size(); ++i) {
      const Beam& b = pattern.beams[i];
      out << fmt::format("{},{},{},{},{:.10g},{:.10g},{:.12g}\n", nm[t], b.h, b.k, b.l, b.qx, b.qy,
                         pattern.at(t)[i]);
    }
  out.close();
  if (!out) return fail(ErrorArea::file, "{}: writing failed; is the disk full?", file);
  return {};
}

Expected<void> simulate(const Options& o) {
  const auto settings = settings_of(o);
  if (!settings) return tl::unexpected(settings.error());
  const auto nm = parse_ranges(o.thickness, "--thickness-nm");
  if (!nm) return tl::unexpected(nm.error());
  const auto crystal = load_cif(o.crystal);
  if (!crystal) return tl::unexpected(crystal.error());
  const auto orientation = orientation_of(o, crystal->cell);
  if (!orientation) return tl::unexpected(orientation.error());
  const auto simulator = BlochSimulator::create(*crystal, *settings);
  if (!simulator) return tl::unexpected(simulator.error());
  BlochScratch scratch;
  DiffractionPattern pattern;
  if (auto ok = simulator->pattern(*orientation, *nm, scratch, pattern); !ok) return ok;
  return write_beams(o.out, describe(o, *settings, pattern), *nm, pattern);
}

int run(const Options& o) {
  const auto done = simulate(o);
  return done ? 0 : report(done.error());
}

}  // namespace

Run add_bloch(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_option("crystal", o->crystal, "crystal structure (CIF)")->required();
  app.add_option("--zone", o->zone, "zone axis U,V,W: a direction of the crystal, towards the source");
  app.add_option(
      "--orientation", o->orientation,
      "rotation matrix row by row; columns: detector x, detector y, zone axis in the crystal's frame");
  app.add_option("--foil-normal", o->foil_normal,
                 "foil normal X,Y,Z in the crystal's Cartesian frame (default: zone axis)");
  app.add_option("--thickness-nm", o->thickness, "thicknesses, nm: 20 | 5,10,20 | 2:200:2")->required();
  app.add_option("--out", o->out, "BEAMS.csv to write")->required();
  app.add_option("--voltage-kv", o->voltage, "accelerating voltage, kV")->capture_default_str();
  app.add_option("--k-max", o->k_max, "largest scattering vector of a beam, 1/Å")->capture_default_str();
  app.add_option("--sg-max", o->sg_max, "largest excitation error of a beam, 1/Å")->capture_default_str();
  app.add_option("--factors", o->factors, "scattering factors")
      ->check(CLI::IsMember({"lobato", "weickenmeier-kohl"}))
      ->capture_default_str();
  app.add_option("--absorption", o->absorption,
                 "on | off (default: on with weickenmeier-kohl, off with lobato)")
      ->check(CLI::IsMember({"on", "off"}));
  app.add_option("--thermal-displacement", o->displacement,
                 "rms displacement of all atoms, Å, or `cif` for the file's own (default: 0.08 with "
                 "weickenmeier-kohl, 0 with lobato)");
  app.add_option("--solver", o->solver, "auto | eigen | propagator")
      ->check(CLI::IsMember({"auto", "eigen", "propagator"}))
      ->capture_default_str();
  app.add_option("--precision", o->precision, "double | single")
      ->check(CLI::IsMember({"double", "single"}))
      ->capture_default_str();
  app.add_option("--bethe", o->bethe, "eliminate beams with 2 k0 |s| / |U| above this ratio (0: keep all)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--threads", o->threads, "threads (one pattern uses one)")->capture_default_str();
  return [o] { return run(*o); };
}

}  // namespace bragglive::command
