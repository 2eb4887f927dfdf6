#include "core/bloch/scan/scan_recipe.hpp"

#include <cmath>

#include "core/crystal/symmetry.hpp"

namespace bragglive {

Expected<Crystal> built_in_crystal(const std::string& name) {
  if (name != "Au")
    return fail(
        ErrorArea::usage,
        "there is no built-in crystal \"{}\"; built in: Au; for others name a CIF file with cif = \"…\"",
        name);
  Crystal gold;
  gold.id = "built-in";
  gold.formula = name;
  gold.group = name;
  gold.cell =
      gold.standard_cell = {4.0786, 4.0786, 4.0786, 90, 90, 90};  // Wyckoff, Crystal Structures 1 (1963)
  for (const Eigen::Vector3d& at : {Eigen::Vector3d(0, 0, 0), Eigen::Vector3d(0, 0.5, 0.5),
                                    Eigen::Vector3d(0.5, 0, 0.5), Eigen::Vector3d(0.5, 0.5, 0)}) {
    Atom atom;
    atom.z = 79;
    atom.position = at;
    atom.u_squared = 0.0079;  // B = 0.62 Å^2 at room temperature
    gold.atoms.push_back(atom);
  }
  gold.space_group = 225;
  gold.system = CrystalSystem::cubic;
  return gold;
}

Expected<void> validate(const ScanRecipe& r) {
  if (auto ok = validate(r.detector, r.scan); !ok) return ok;
  const auto check = [](const char* name, double value, double low, double high) -> Expected<void> {
    if (value >= low && value <= high) return {};
    return fail(ErrorArea::usage, "recipe: {} is {}, must lie between {} and {}", name, value, low, high);
  };
  for (const auto& ok :
       {check("electrons per pattern", r.electrons_per_pattern, 1, 1e12), check("dose", r.dose, 0, 1e9),
        check("thickness_step_nm", r.thickness_step_nm, 0.1, 50),
        check("support thickness_nm", r.support.thickness_nm, 0, 1000),
        check("support elastic_path_nm", r.support.elastic_path_nm, 1, 1e6),
        check("support inelastic_path_nm", r.support.inelastic_path_nm, 1, 1e6)})
    if (!ok) return ok;
  for (const ScanPhase& phase : r.phases)
    for (const auto& ok : {check("a phase's inelastic_path_nm", phase.inelastic_path_nm, 1, 1e6),
                           check("a phase's critical dose", phase.critical_dose, 0, 1e9)})
      if (!ok) return ok;
  const auto known = [&](std::uint32_t phase) { return phase < r.phases.size(); };
  for (const auto& p : r.specimen.particles)
    if (!known(p.phase))
      return fail(ErrorArea::usage, "recipe: particles of phase {} of {}", p.phase + 1, r.phases.size());
  for (const auto& film : r.specimen.polycrystals)
    for (const auto& share : film.phases)
      if (!known(share.phase))
        return fail(ErrorArea::usage, "recipe: a film of phase {} of {}", share.phase + 1, r.phases.size());
  return {};
}

}  // namespace bragglive
