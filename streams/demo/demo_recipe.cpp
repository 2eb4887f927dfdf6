// Addresses of demo scans: "demo:gold?scan=256x256&seed=3" to a recipe.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "streams/demo/demo_source.hpp"

namespace bragglive {
namespace {

// The scan of the random-forest paper in small: same microscope, detector, dose and step; see
// examples/recipes.
constexpr std::string_view k_gold = R"(title = "gold nanoparticles on carbon"
[scan]
rows = 128
cols = 128
step_nm = 2.1
[beam]
voltage_kv = 300
dose_e_per_angstrom2 = 400
[detector]
pixel_size_inv_angstrom = 0.01616651
probe_radius_px = 1.414
origin = [92.8, 95.6]
origin_shift_per_scan_row = [0.012, -0.004]
origin_shift_per_scan_col = [0.003, 0.010]
origin_jitter_px = 0.03
ellipse_ratio = 1.012
ellipse_angle_deg = 20
rotation_deg = 12
point_spread_px = 0.55
random_hot_pixels = 6
random_hot_counts = 60
random_dead_pixels = 3
[support]
thickness_nm = 12
[[phase]]
name = "gold"
built_in = "Au"
inelastic_path_nm = 90
[[particles]]
phase = "gold"
count = 100
diameter_nm = 20
diameter_sigma_nm = 3.5
flattening = 0.8
twin_share = 0.25
overlap_share = 0.2
)";

struct Changes {
  std::optional<ScanShape> scan;
  std::optional<std::uint64_t> seed;
  std::optional<double> dose;
  std::optional<std::uint32_t> particles;
};

template <class T>
std::optional<T> number_from(std::string_view text) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<ScanShape> shape_from(std::string_view text) {
  const std::size_t cross = text.find('x');
  if (cross == std::string_view::npos) return std::nullopt;
  const auto rows = number_from<std::uint32_t>(text.substr(0, cross));
  const auto cols = number_from<std::uint32_t>(text.substr(cross + 1));
  if (!rows || !cols || *rows == 0 || *cols == 0 || *rows > 8192 || *cols > 8192) return std::nullopt;
  return ScanShape{*rows, *cols};
}

// Takes one "key=value"; false when the key or the value is not understood.
bool take(Changes& changes, std::string_view key, std::string_view value) {
  if (key == "scan") return (changes.scan = shape_from(value)).has_value();
  if (key == "seed") return (changes.seed = number_from<std::uint64_t>(value)).has_value();
  if (key == "dose") return (changes.dose = number_from<double>(value)).has_value() && *changes.dose > 0;
  if (key == "particles") return (changes.particles = number_from<std::uint32_t>(value)).has_value();
  return false;
}

Expected<Changes> changes_from(std::string_view query, const std::string& uri) {
  Changes changes;
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), item.size() + 1));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || !take(changes, item.substr(0, equals), item.substr(equals + 1)))
      return fail(
          ErrorArea::usage,
          "{}: '{}' is not understood; known: scan=ROWSxCOLS, seed=N, dose=E_PER_ANGSTROM2, particles=N", uri,
          item);
  }
  return changes;
}

// Another scan size keeps the particles per area and the origin's way over the whole scan.
void resize(ScanRecipe& recipe, ScanShape scan) {
  const ScanShape before = recipe.scan;
  for (auto* plane : {&recipe.detector.geometry.origin_row, &recipe.detector.geometry.origin_col}) {
    (*plane)[1] *= static_cast<double>(before.rows) / scan.rows;
    (*plane)[2] *= static_cast<double>(before.cols) / scan.cols;
  }
  const double area = static_cast<double>(scan.positions()) / static_cast<double>(before.positions());
  const auto scaled = [area](std::uint32_t count) {
    return static_cast<std::uint32_t>(std::clamp(std::round(count * area), 1.0, 20000.0));
  };
  for (auto& particles : recipe.specimen.particles) particles.count = scaled(particles.count);
  for (auto& film : recipe.specimen.polycrystals) film.grains = scaled(film.grains);
  recipe.scan = scan;
}

}  // namespace

Expected<ScanRecipe> demo_recipe(const std::string& uri, std::optional<ScanShape> scan) {
  std::string_view rest = uri;
  if (!rest.starts_with("demo:"))
    return fail(ErrorArea::usage, "{}: a demo's address begins with demo:", uri);
  rest.remove_prefix(5);
  const std::size_t question = rest.find('?');
  const std::string name(rest.substr(0, question));
  auto changes = changes_from(question == std::string_view::npos ? "" : rest.substr(question + 1), uri);
  if (!changes) return tl::unexpected(changes.error());
  const bool built_in = name == "gold";
  if (!built_in && !name.ends_with(".toml"))
    return fail(ErrorArea::usage,
                "{}: there is no demo specimen '{}'; there is demo:gold, and demo:FILE.toml for a recipe",
                uri, name);
  auto recipe =
      built_in ? scan_recipe_from_toml(std::string(k_gold), "demo:gold", {}) : load_scan_recipe(name);
  if (!recipe) return recipe;
  if (changes->seed) recipe->seed = *changes->seed;
  if (changes->dose) {
    recipe->electrons_per_pattern *= *changes->dose / recipe->dose;
    recipe->dose = *changes->dose;
  }
  if (scan) changes->scan = scan;
  if (changes->scan) resize(*recipe, *changes->scan);
  if (changes->particles) {
    if (recipe->specimen.particles.size() != 1)
      return fail(ErrorArea::usage, "{}: particles=N needs a specimen with one kind of particles", uri);
    recipe->specimen.particles.front().count = *changes->particles;
  }
  if (auto ok = validate(*recipe); !ok) return fail(ok.error().area, "{}: {}", uri, ok.error().message);
  return recipe;
}

}  // namespace bragglive
