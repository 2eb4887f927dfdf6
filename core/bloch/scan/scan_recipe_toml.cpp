// The TOML side of a scan recipe; examples/recipes shows every table.
#include <cmath>
#include <fstream>
#include <iterator>
#include <system_error>

#include "core/bloch/electron.hpp"
#include "core/bloch/scan/recipe_detector.hpp"
#include "core/bloch/scan/recipe_reader.hpp"
#include "core/bloch/scan/scan_recipe.hpp"
#include "core/crystal/cif.hpp"

namespace bragglive {
namespace {

constexpr std::uintmax_t k_max_recipe_bytes = std::uintmax_t{4} << 20;

void read_scan(RecipeReader r, ScanRecipe& recipe) {
  r.integer("rows", recipe.scan.rows, 1, 8192);
  r.integer("cols", recipe.scan.cols, 1, 8192);
  r.require("step_nm");
  r.number("step_nm", recipe.detector.geometry.scan_step_nm, 0.01, 1000);
  r.finish();
}

void read_beam(RecipeReader r, ScanRecipe& recipe) {
  r.number("voltage_kv", recipe.detector.geometry.voltage_kv, 10, 3000);
  const double area = std::pow(10 * recipe.detector.geometry.scan_step_nm, 2);  // Å^2 of one position
  if (r.has("dose_e_per_angstrom2") == r.has("electrons_per_pattern"))
    r.wrong("give either dose_e_per_angstrom2 or electrons_per_pattern");
  if (r.has("dose_e_per_angstrom2")) {
    r.number("dose_e_per_angstrom2", recipe.dose, 1e-6, 1e9);
    recipe.electrons_per_pattern = recipe.dose * area;
  }
  r.number("electrons_per_pattern", recipe.electrons_per_pattern, 1, 1e12);
  recipe.dose = recipe.electrons_per_pattern / area;
  double convergence = 0;
  r.number("convergence_mrad", convergence, 0.01, 100);
  const double wavelength = Electron::at(recipe.detector.geometry.voltage_kv).wavelength;
  Calibration& g = recipe.detector.geometry;
  if (convergence > 0 && g.pixel_size_inv_angstrom > 0)
    g.probe_radius_px = convergence * 1e-3 / wavelength / g.pixel_size_inv_angstrom;
  r.finish();
}

void read_support(RecipeReader r, SupportFilm& film) {
  r.number("thickness_nm", film.thickness_nm, 0, 1000);
  r.number("elastic_path_nm", film.elastic_path_nm, 1, 1e6);
  r.number("inelastic_path_nm", film.inelastic_path_nm, 1, 1e6);
  r.finish();
}

void read_simulation(RecipeReader r, ScanRecipe& recipe) {
  BlochSettings& s = recipe.bloch;
  s.voltage_kv = recipe.detector.geometry.voltage_kv;
  s.factors = FactorTable::weickenmeier_kohl;
  s.absorption = true;
  s.thermal_displacement.reset();  // the crystal's own
  s.precision = Precision::float32;
  r.number("k_max", s.k_max, 0.1, 8);
  r.number("sg_max", s.sg_max, 1e-4, 0.5);
  std::string factors(name_of(s.factors));
  r.text("factors", factors);
  if (factors == name_of(FactorTable::lobato))
    s.factors = FactorTable::lobato;
  else if (factors != name_of(FactorTable::weickenmeier_kohl))
    r.wrong("factors must be \"lobato\" or \"weickenmeier-kohl\"");
  r.boolean("absorption", s.absorption);
  r.number("thickness_step_nm", recipe.thickness_step_nm, 0.1, 50);
  r.integer("disk_samples", recipe.disk_samples, 1, 397);
  r.finish();
}

void read_phase(RecipeReader r, ScanRecipe& recipe, const std::filesystem::path& folder) {
  ScanPhase phase;
  std::string cif, built_in;
  r.require("name");
  r.text("name", phase.name);
  r.text("cif", cif);
  r.text("built_in", built_in);
  r.number("inelastic_path_nm", phase.inelastic_path_nm, 1, 1e6);
  r.number("critical_dose_e_per_angstrom2", phase.critical_dose, 1e-3, 1e9);
  if (cif.empty() == built_in.empty()) r.wrong("give either cif = \"FILE\" or built_in = \"Au\"");
  r.finish();
  if (r.error()) return;
  for (const ScanPhase& other : recipe.phases)
    if (other.name == phase.name) return r.wrong(fmt::format("two phases are named \"{}\"", phase.name));
  auto crystal = cif.empty() ? built_in_crystal(built_in) : load_cif(folder / cif);
  if (!crystal) {
    r.error() = crystal.error();
    return;
  }
  phase.crystal = std::move(*crystal);
  recipe.phases.push_back(std::move(phase));
}

std::uint32_t phase_named(RecipeReader& r, const ScanRecipe& recipe, const std::string& name) {
  std::string list;
  for (std::size_t i = 0; i < recipe.phases.size(); ++i) {
    if (recipe.phases[i].name == name) return static_cast<std::uint32_t>(i);
    list += (i ? ", " : "") + recipe.phases[i].name;
  }
  r.wrong(fmt::format("there is no phase \"{}\"; phases: {}", name, list));
  return 0;
}

// orientation = "random" | "fiber" | "fixed", axis = [x, y, z] (Cartesian frame of the crystal), spread_deg,
// in_plane_deg
void read_orientation(RecipeReader& r, GrainOrientations& o) {
  std::string kind = "random";
  r.text("orientation", kind);
  if (kind == "random")
    o.kind = GrainOrientations::Kind::random;
  else if (kind == "fiber")
    o.kind = GrainOrientations::Kind::fiber;
  else if (kind == "fixed")
    o.kind = GrainOrientations::Kind::fixed;
  else
    r.wrong("orientation must be \"random\", \"fiber\" or \"fixed\"");
  std::vector<double> v;
  if (r.numbers("axis", 3, v)) {
    o.axis = Eigen::Vector3d(v[0], v[1], v[2]);
    if (o.axis.norm() < 1e-6)
      r.wrong("axis has no length");
    else
      o.axis.normalize();
  }
  r.number("spread_deg", o.spread_deg, 0, 90);
  r.number("in_plane_deg", o.in_plane_deg, -360, 360);
}

void read_particles(RecipeReader r, ScanRecipe& recipe) {
  ParticleSettings p;
  std::string phase;
  r.require("phase");
  r.text("phase", phase);
  p.phase = phase_named(r, recipe, phase);
  r.require("count");
  r.integer("count", p.count, 1, 20000);
  r.number("diameter_nm", p.diameter_nm, 1, 1e4);
  r.number("diameter_sigma_nm", p.diameter_sigma_nm, 0, 1e4);
  r.number("flattening", p.flattening, 0.05, 4);
  r.number("twin_share", p.twin_share, 0, 1);
  r.number("overlap_share", p.overlap_share, 0, 1);
  std::vector<double> v;
  if (r.numbers("twin_axis", 3, v)) p.twin_axis = Eigen::Vector3d(v[0], v[1], v[2]);
  if (p.twin_axis.norm() < 1e-6) r.wrong("twin_axis has no length");
  read_orientation(r, p.orientation);
  r.finish();
  recipe.specimen.particles.push_back(std::move(p));
}

void read_polycrystal(RecipeReader r, ScanRecipe& recipe) {
  PolycrystalSettings p;
  r.require("grains");
  r.integer("grains", p.grains, 1, 20000);
  r.number("thickness_nm", p.thickness_nm, 0.5, 1000);
  std::vector<double> v;
  if (r.numbers("wedge", 2, v)) p.wedge = {v[0], v[1]};
  r.boolean("columnar", p.columnar);
  read_orientation(r, p.orientation);
  const toml::table* shares = r.table("shares");  // phase name = share of the grains
  if (!shares || shares->empty()) r.wrong("shares = { phase = share, … } is missing");
  if (shares)
    for (const auto& [key, node] : *shares) {
      const auto share = node.is_number() ? node.value<double>() : std::nullopt;
      if (!share || !(*share >= 0))
        r.wrong(fmt::format("shares: {} must be a number, 0 or more", key.str()));
      else
        p.phases.push_back({phase_named(r, recipe, std::string(key.str())), *share});
    }
  r.finish();
  recipe.specimen.polycrystals.push_back(std::move(p));
}

// `origin` is meant at the scan's centre; a calibration counts from position (0, 0).
void origin_to_first_position(ScanRecipe& recipe) {
  for (auto* plane : {&recipe.detector.geometry.origin_row, &recipe.detector.geometry.origin_col})
    (*plane)[0] -= (*plane)[1] * (recipe.scan.rows - 1) / 2.0 + (*plane)[2] * (recipe.scan.cols - 1) / 2.0;
}

}  // namespace

Expected<ScanRecipe> scan_recipe_from_toml(const std::string& text, const std::string& where,
                                           const std::filesystem::path& folder) {
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(where));
  if (!parsed)
    return fail(ErrorArea::format, "{}: not valid TOML at line {}: {}", where,
                parsed.error().source().begin.line, parsed.error().description());
  const toml::table& root = parsed.table();
  std::optional<Error> error;
  ScanRecipe recipe;
  recipe.text = text;
  const auto at = [&](std::string_view table) { return fmt::format("{}: [{}]", where, table); };
  RecipeReader r(&root, where, error);
  for (const char* table : {"scan", "beam", "detector", "phase"}) r.require(table);
  r.text("title", recipe.title);
  std::uint32_t seed = 1;
  r.integer("seed", seed, 0, 0xffffffff);
  recipe.seed = seed;
  read_scan({r.table("scan"), at("scan"), error}, recipe);
  read_detector({r.table("detector"), at("detector"), error}, recipe.detector, recipe.seed);
  read_beam({r.table("beam"), at("beam"), error}, recipe);
  read_diffuse({r.table("diffuse"), at("diffuse"), error}, recipe.detector.diffuse);
  read_support({r.table("support"), at("support"), error}, recipe.support);
  read_simulation({r.table("simulation"), at("simulation"), error}, recipe);
  for (const toml::table* t : r.tables("phase")) read_phase({t, at("phase"), error}, recipe, folder);
  const auto particles = r.tables("particles"), films = r.tables("polycrystal");
  if (!error) {
    for (const toml::table* t : particles) read_particles({t, at("particles"), error}, recipe);
    for (const toml::table* t : films) read_polycrystal({t, at("polycrystal"), error}, recipe);
  }
  if (particles.empty() && films.empty())
    r.wrong("nothing in the beam: add a [[particles]] or a [[polycrystal]]");
  r.finish();
  if (error) return tl::unexpected(*error);
  origin_to_first_position(recipe);
  if (recipe.detector.geometry.probe_radius_px <= 0)
    return fail(ErrorArea::format, "{}: give convergence_mrad in [beam] or probe_radius_px in [detector]",
                where);
  if (auto ok = validate(recipe); !ok) return fail(ok.error().area, "{}: {}", where, ok.error().message);
  return recipe;
}

Expected<ScanRecipe> load_scan_recipe(const std::filesystem::path& file) {
  std::error_code problem;
  const auto bytes = std::filesystem::file_size(file, problem);
  if (problem) return fail(ErrorArea::file, "{}: cannot be read: {}", file.string(), problem.message());
  if (bytes > k_max_recipe_bytes)
    return fail(ErrorArea::file, "{}: {} bytes; a recipe has at most {}", file.string(), bytes,
                k_max_recipe_bytes);
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.good() && !in.eof()) return fail(ErrorArea::file, "{}: cannot be read", file.string());
  return scan_recipe_from_toml(text, file.string(), file.parent_path());
}

}  // namespace bragglive
