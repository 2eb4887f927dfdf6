#include <Eigen/Geometry>
#include <cmath>
#include <cstring>
#include <numeric>

#include "core/bloch/scan/grain_diffraction.hpp"
#include "core/bloch/scan/scan_simulation.hpp"
#include "core/bloch/scan/scan_truth.hpp"
#include "streams/demo/demo_source.hpp"
#include "tests/catch.hpp"

namespace bragglive {
namespace {

ScanSimulation simulation_of(const std::string& uri, unsigned threads = 1) {
  auto recipe = demo_recipe(uri);
  if (!recipe) FAIL(recipe.error().message);
  auto simulation = ScanSimulation::create(std::move(*recipe), threads);
  if (!simulation) FAIL(simulation.error().message);
  return std::move(*simulation);
}

TEST_CASE("spots at any thickness agree with the Bloch-wave simulator") {
  const auto recipe = demo_recipe("demo:gold?scan=16x16");
  REQUIRE(recipe.has_value());
  BlochSettings settings = recipe->bloch;
  settings.precision = Precision::float64;
  const auto simulator = BlochSimulator::create(recipe->phases[0].crystal, settings);
  REQUIRE(simulator.has_value());
  Grain grain;
  grain.rotation = Eigen::AngleAxisd(0.7, Eigen::Vector3d(1, 2, -0.5).normalized()).toRotationMatrix();
  grain.max_thickness_nm = 20;
  BlochScratch scratch;
  const auto diffraction = GrainDiffraction::create(*simulator, grain, 0.5, 5.0, {0, 0}, scratch);
  REQUIRE(diffraction.has_value());
  Orientation orientation;
  orientation.axes = grain.rotation.transpose();
  orientation.foil_normal = orientation.axes.col(2);
  for (double thickness : {0.4, 3.0, 7.5, 12.3, 20.0}) {
    CAPTURE(thickness);
    DiffractionPattern pattern;
    REQUIRE(simulator->pattern(orientation, {{thickness}}, scratch, pattern).has_value());
    double direct = 0, diffracted = 0, strongest = 0;
    for (std::size_t i = 0; i < pattern.beams.size(); ++i) {
      const Beam& b = pattern.beams[i];
      (b.h == 0 && b.k == 0 && b.l == 0 ? direct : diffracted) += pattern.at(0)[i];
    }
    const auto split = diffraction->split(thickness);
    CHECK(split.direct == Approx(direct).margin(1e-3));
    CHECK(split.diffracted == Approx(diffracted).margin(1e-3));
    BraggList spots;
    diffraction->append(thickness, 2.0, spots);
    // Each strong beam has its spot at g seen along the scan frame's axes.
    for (std::size_t i = 0; i < pattern.beams.size(); ++i) {
      const Beam& b = pattern.beams[i];
      if (pattern.at(0)[i] < 1e-3 || (b.h == 0 && b.k == 0 && b.l == 0)) continue;
      const Eigen::Vector3d q = grain.rotation * Eigen::Vector3d(b.h, b.k, b.l) / 4.0786;
      double found = -1;
      for (const BraggPeak& s : spots)
        if (std::hypot(s.qx - q.x(), s.qy - q.y()) < 1e-4) found = s.intensity;
      CHECK(found == Approx(2 * pattern.at(0)[i]).epsilon(0.02).margin(2e-4));
      strongest = std::max(strongest, found);
    }
    if (thickness > 1) CHECK(strongest > 0);
  }
}

// Particles that may all lie over each other.
ScanSimulation crowd() {
  auto recipe = demo_recipe("demo:gold?scan=40x40&seed=2&particles=40");
  if (!recipe) FAIL(recipe.error().message);
  recipe->specimen.particles[0].overlap_share = 1;
  auto simulation = ScanSimulation::create(std::move(*recipe), 1);
  if (!simulation) FAIL(simulation.error().message);
  return std::move(*simulation);
}

TEST_CASE("every electron of the dose ends somewhere, at overlaps too") {
  const auto s = crowd();
  ScanSimulation::Scratch scratch;
  int overlaps = 0;
  for (std::uint64_t i = 0; i < 1600; ++i) {
    const ElectronBudget b = s.expected(i, scratch);
    const double total =
        b.direct + b.diffracted + b.diffuse.inelastic + b.diffuse.thermal + b.diffuse.amorphous;
    CHECK(total == Approx(s.recipe().electrons_per_pattern).epsilon(2e-3));
    overlaps += scratch.truth.size() > 1 ? 1 : 0;
    const double seen =
        std::accumulate(scratch.renderer.expected.begin(), scratch.renderer.expected.end(), 0.0);
    CHECK(seen <= total * 1.001);
    CHECK(seen > total * 0.6);
  }
  CHECK(overlaps > 50);
}

TEST_CASE("the truth names the crystals by their share of the spots") {
  const auto s = crowd();
  ScanSimulation::Scratch scratch;
  const ScanTruth truth = scan_truth(s, 10, 20, scratch);
  REQUIRE(truth.grain_count.size() == 800);
  std::size_t crystals = 0;
  for (std::size_t i = 0; i < 800; ++i) {
    const float* weight = &truth.weight[i * k_truth_grains];
    if (truth.grain_count[i] == 0) {
      CHECK(truth.phase[i] == -1);
      CHECK(truth.grain[i * k_truth_grains] == -1);
      continue;
    }
    ++crystals;
    CHECK(truth.system[i] == static_cast<std::uint8_t>(CrystalSystem::cubic));
    CHECK(truth.space_group[i] == 225);
    float sum = 0;
    for (std::size_t k = 0; k < k_truth_grains; ++k) {
      if (k) CHECK(weight[k] <= weight[k - 1]);
      sum += weight[k];
    }
    if (truth.grain_count[i] <= k_truth_grains) CHECK(sum == Approx(1).epsilon(1e-4));
  }
  CHECK(crystals > 200);
}

TEST_CASE("frames do not depend on threads or order, and the seed matters") {
  const auto one = simulation_of("demo:gold?scan=24x24", 1), two = simulation_of("demo:gold?scan=24x24", 2),
             other = simulation_of("demo:gold?scan=24x24&seed=9", 2);
  ScanSimulation::Scratch a, b, c;
  std::vector<std::byte> fa(one.frame_bytes()), fb(fa), fc(fa);
  int different = 0;
  for (std::uint64_t i = 0; i < 576; i += 5) {
    one.frame(i, a, fa);
    two.frame(575 - i, b, fb);  // another order
    two.frame(i, b, fb);
    CHECK(fa == fb);
    other.frame(i, c, fc);
    different += fa != fc ? 1 : 0;
  }
  CHECK(different == 116);
}

TEST_CASE("beam damage turns spots into diffuse light") {
  auto recipe = demo_recipe("demo:gold?scan=24x24");
  REQUIRE(recipe.has_value());
  recipe->phases[0].critical_dose = recipe->dose;
  const auto damaged = ScanSimulation::create(*recipe);
  const auto whole = simulation_of("demo:gold?scan=24x24");
  REQUIRE(damaged.has_value());
  ScanSimulation::Scratch scratch;
  double before = 0, after = 0;
  for (std::uint64_t i = 0; i < 576; ++i) {
    before += whole.expected(i, scratch).diffracted;
    after += damaged->expected(i, scratch).diffracted;
  }
  CHECK(after / before == Approx(1 - std::exp(-1.0)).epsilon(1e-6));
}

TEST_CASE("demo:gold is a replayable source with its calibration") {
  SourceOptions options;
  options.scan = ScanShape{8, 12};
  auto source = demo_factories().at("demo")("demo:gold?seed=3", options);
  REQUIRE(source.has_value());
  CHECK_FALSE((*source)->live());
  using namespace std::chrono_literals;
  const auto start = std::get<ScanStart>((*source)->next(1s));
  CHECK(start.scan == ScanShape{8, 12});
  CHECK(start.frame == FrameShape{192, 192});
  CHECK(start.pixel == PixelType::u16);
  const auto calibration = calibration_from_toml(start.metadata.at("calibration"), "metadata");
  REQUIRE(calibration.has_value());
  CHECK(calibration->pixel_size_inv_angstrom == Approx(0.01616651));
  CHECK(calibration->probe_radius_px == Approx(1.414));
  CHECK(calibration->scan_step_nm == 2.1);
  std::uint64_t frames = 0;
  std::vector<std::byte> seventh;
  for (;;) {
    auto event = (*source)->next(1s);
    if (auto* frame = std::get_if<FrameMessage>(&event)) {
      CHECK(frame->scan_index == frames);
      CHECK(frame->payload.bytes().size() == 192 * 192 * 2);
      if (frames == 7) seventh.assign(frame->payload.bytes().begin(), frame->payload.bytes().end());
      ++frames;
    } else if (std::holds_alternative<EndOfSource>(event)) {
      break;
    }
  }
  CHECK(frames == 96);
  CHECK((*source)->frame_again(7) == seventh);
  CHECK_FALSE((*source)->frame_again(96).has_value());
  // The address in the metadata makes the same scan again.
  CHECK(start.metadata.at("demo") == "demo:gold?scan=8x12&seed=3");
  const auto truth = demo_truth(start.metadata.at("demo"));
  REQUIRE(truth.has_value());
  CHECK(truth->scan == start.scan);
  CHECK(truth->phases.at(0).name == "gold");
  CHECK(truth->phases.at(0).cell.a == Approx(4.0786));
}

TEST_CASE("disk_samples puts dynamical contrast into the disks and loses no electron") {
  auto recipe = demo_recipe("demo:gold?scan=8x8&particles=1");
  REQUIRE(recipe.has_value());
  // 3 mrad at 9 px radius on one thick grain near [001]: rocking curves of a fraction of a milliradian.
  recipe->specimen.particles.clear();
  PolycrystalSettings film;
  film.grains = 1;
  film.phases = {{0, 1.0}};
  film.thickness_nm = 40;
  film.orientation.kind = GrainOrientations::Kind::fixed;
  film.orientation.axis = Eigen::Vector3d(0.02, 0.01, 1).normalized();
  recipe->specimen.polycrystals = {film};
  recipe->detector.geometry.probe_radius_px = 9;
  recipe->bloch.k_max = 1.0;
  recipe->support.thickness_nm = 0;  // diffuse light is brightest in the middle: without it
  recipe->phases[0].inelastic_path_nm = 1e6;
  ScanSimulation::Scratch even, fine;
  const auto flat = ScanSimulation::create(*recipe, 1);
  recipe->disk_samples = 37;
  const auto contrast = ScanSimulation::create(*recipe, 1);
  REQUIRE(flat.has_value());
  REQUIRE(contrast.has_value());
  const ElectronBudget b = contrast->expected(0, fine);
  flat->expected(0, even);
  const double total =
      b.direct + b.diffracted + b.diffuse.inelastic + b.diffuse.thermal + b.diffuse.amorphous;
  CHECK(total == Approx(recipe->electrons_per_pattern).epsilon(2e-3));
  // The spread over the inner part of the direct disk: none before, much now.
  const auto spread = [&](const ScanSimulation::Scratch& s) {
    double low = 1e30, high = 0;
    const auto origin = recipe->detector.geometry.origin({0, 0});
    for (int row = -5; row <= 5; ++row)
      for (int col = -5; col <= 5; ++col) {
        const auto at = static_cast<std::size_t>(std::lround(origin[0]) + row) * 192 +
                        static_cast<std::size_t>(std::lround(origin[1]) + col);
        low = std::min(low, static_cast<double>(s.renderer.expected[at]));
        high = std::max(high, static_cast<double>(s.renderer.expected[at]));
      }
    return high / low;
  };
  CHECK(spread(even) < 1.3);
  CHECK(spread(fine) > 1.5 * spread(even));
}

TEST_CASE("addresses that mean nothing are refused with what there is") {
  using Catch::Matchers::Contains;
  const auto message = [](const std::string& uri) {
    const auto recipe = demo_recipe(uri);
    REQUIRE_FALSE(recipe.has_value());
    return recipe.error().message;
  };
  CHECK_THAT(message("demo:silver"), Contains("demo:gold"));
  CHECK_THAT(message("demo:gold?size=3"), Contains("scan=ROWSxCOLS"));
  CHECK_THAT(message("demo:gold?scan=0x8"), Contains("scan=0x8"));
  CHECK_THAT(message("demo:gold?dose=-1"), Contains("dose"));
  CHECK_THAT(message("demo:gold?dose=1e300"), Contains("electrons"));
  CHECK_THAT(message("demo:nowhere.toml"), Contains("nowhere.toml"));
}

}  // namespace
}  // namespace bragglive
