#include "core/bloch/scan/scan_recipe.hpp"
#include "tests/catch.hpp"

namespace bragglive {
namespace {

using Catch::Matchers::Contains;

const std::string k_recipe = R"(seed = 4
[scan]
rows = 6
cols = 8
step_nm = 2
[beam]
voltage_kv = 300
convergence_mrad = 0.8
dose_e_per_angstrom2 = 100
[detector]
rows = 64
cols = 64
pixel_size_inv_angstrom = 0.04
origin = [30, 33]
origin_shift_per_scan_row = [0.5, 0]
[[phase]]
name = "gold"
built_in = "Au"
[[particles]]
phase = "gold"
count = 2
diameter_nm = 6
)";

std::string with(std::string from, const std::string& to) {
  std::string text = k_recipe;
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string message(const std::string& text) {
  const auto recipe = scan_recipe_from_toml(text, "r.toml", {});
  REQUIRE_FALSE(recipe.has_value());
  return recipe.error().message;
}

TEST_CASE("a recipe gives dose, probe and origin") {
  const auto recipe = scan_recipe_from_toml(k_recipe, "r.toml", {});
  REQUIRE(recipe.has_value());
  CHECK(recipe->electrons_per_pattern == Approx(100.0 * 20 * 20));
  CHECK(recipe->detector.geometry.probe_radius_px == Approx(0.8e-3 / 0.0196874864 / 0.04));
  // `origin` is meant at the scan's centre.
  CHECK(recipe->detector.geometry.origin({2, 0})[0] == Approx(30 - 0.5 * 0.5));
  CHECK(recipe->phases.at(0).crystal.space_group == 225);
  const auto counted =
      scan_recipe_from_toml(with("dose_e_per_angstrom2 = 100", "electrons_per_pattern = 800"), "r.toml", {});
  REQUIRE(counted.has_value());
  CHECK(counted->dose == Approx(2));
}

TEST_CASE("a wrong recipe is refused with file, table and key") {
  CHECK_THAT(message(with("seed = 4", "sead = 4")), Contains("r.toml: there is no sead"));
  CHECK_THAT(message(with("step_nm = 2", "step = 2")), Contains("[scan]") && Contains("step"));
  CHECK_THAT(message(with("rows = 6", "rows = 0")), Contains("[scan]: rows is 0"));
  CHECK_THAT(message(with("rows = 6", "rows = \"six\"")), Contains("whole number"));
  CHECK_THAT(message(with("dose_e_per_angstrom2 = 100", "")),
             Contains("either dose_e_per_angstrom2 or electrons_per_pattern"));
  CHECK_THAT(message(with("convergence_mrad = 0.8", "")), Contains("convergence_mrad"));
  CHECK_THAT(message(with("origin = [30, 33]", "origin = [30]")),
             Contains("origin must be a list of 2 numbers"));
  CHECK_THAT(message(with("origin = [30, 33]", "gaps = [[60, 0, 9, 64]]")), Contains("gaps"));
  CHECK_THAT(message(with("origin = [30, 33]", "pixel_type = \"float32\"")), Contains("pixel_type"));
  CHECK_THAT(message(with("origin = [30, 33]", "origin = [300, 33]")), Contains("origin"));
  CHECK_THAT(message(with("built_in = \"Au\"", "built_in = \"Unobtainium\"")), Contains("Unobtainium"));
  CHECK_THAT(message(with("built_in = \"Au\"", "cif = \"nowhere.cif\"")), Contains("nowhere.cif"));
  CHECK_THAT(message(with("phase = \"gold\"", "phase = \"silver\"")), Contains("silver") && Contains("gold"));
  CHECK_THAT(message(with("[[particles]]", "[[particels]]")),
             Contains("particels") || Contains("nothing in the beam"));
  CHECK_THAT(message(with("count = 2", "count = 2\norientation = \"up\"")), Contains("orientation"));
  CHECK_THAT(message(k_recipe + "= ="), Contains("not valid TOML"));
  CHECK_THAT(message(""), Contains("scan is missing"));
  const auto missing = load_scan_recipe("/nonexistent/recipe.toml");
  REQUIRE_FALSE(missing.has_value());
  CHECK_THAT(missing.error().message, Contains("/nonexistent/recipe.toml"));
}

TEST_CASE("the shipped recipes can be read") {
  for (const char* name : {"gold_nanoparticles", "three_phase_polycrystal", "beam_sensitive_film"}) {
    CAPTURE(name);
    const auto recipe =
        load_scan_recipe(std::string(BRAGGLIVE_SOURCE_DIR) + "/examples/recipes/" + name + ".toml");
    if (!recipe) FAIL(recipe.error().message);
    CHECK_FALSE(recipe->phases.empty());
  }
  const auto three =
      load_scan_recipe(std::string(BRAGGLIVE_SOURCE_DIR) + "/examples/recipes/three_phase_polycrystal.toml");
  REQUIRE(three.has_value());
  CHECK(three->phases[0].crystal.system == CrystalSystem::cubic);
  CHECK(three->phases[1].crystal.system == CrystalSystem::tetragonal);
  CHECK(three->phases[2].crystal.system == CrystalSystem::hexagonal);
}

}  // namespace
}  // namespace bragglive
