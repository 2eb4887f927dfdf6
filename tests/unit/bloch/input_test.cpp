// What the simulator must refuse, with a message, and options that must change something.
#include <numeric>

#include "core/bloch/bloch_wave.hpp"
#include "core/bloch/dataset_settings.hpp"
#include "tests/catch.hpp"

using namespace bragglive;
using Catch::Matchers::Contains;

namespace {

Crystal silicon(double scale = 1) {
  Crystal crystal;
  crystal.id = "Si";
  const double a = 5.431 * scale;
  crystal.cell = {a, a, a};
  for (const Eigen::Vector3d& r : {Eigen::Vector3d(0, 0, 0), Eigen::Vector3d(0, .5, .5),
                                   Eigen::Vector3d(.5, 0, .5), Eigen::Vector3d(.5, .5, 0)})
    for (const double shift : {0.0, 0.25})
      crystal.atoms.push_back({14, r + Eigen::Vector3d::Constant(shift), 1, 0.006, {}});
  return crystal;
}

std::string refusal(const Crystal& crystal, const BlochSettings& settings) {
  const auto made = BlochSimulator::create(crystal, settings);
  REQUIRE_FALSE(made.has_value());
  return made.error().message;
}

DiffractionPattern pattern_of(const Crystal& crystal, const BlochSettings& settings,
                              const Orientation& orientation) {
  const auto simulator = BlochSimulator::create(crystal, settings);
  REQUIRE(simulator.has_value());
  BlochScratch scratch;
  DiffractionPattern pattern;
  const std::vector<double> nm = {20};
  REQUIRE(simulator->pattern(orientation, nm, scratch, pattern).has_value());
  return pattern;
}

double difference(const DiffractionPattern& a, const DiffractionPattern& b) {
  if (a.intensities.size() != b.intensities.size()) return 1;
  double sum = 0;
  for (std::size_t i = 0; i < a.intensities.size(); ++i) sum += std::abs(a.intensities[i] - b.intensities[i]);
  return sum;
}

}  // namespace

TEST_CASE("k_max so large that memory would run out is refused with the estimate") {
  BlochSettings settings;
  settings.k_max = 15;
  const std::string message = refusal(silicon(4), settings);
  CHECK_THAT(message, Contains("GB"));
  CHECK_THAT(message, Contains("lower k_max"));
  settings.k_max = 2;
  settings.memory_limit_bytes = 1000;
  CHECK_THAT(refusal(silicon(), settings), Contains("limit"));
}

TEST_CASE("settings out of range are refused") {
  BlochSettings settings;
  settings.voltage_kv = 0;
  CHECK_THAT(refusal(silicon(), settings), Contains("voltage"));
  settings = {};
  settings.k_max = -1;
  CHECK_THAT(refusal(silicon(), settings), Contains("k_max"));
  settings = {};
  settings.sg_max = 0;
  CHECK_THAT(refusal(silicon(), settings), Contains("sg_max"));
  settings = {};
  settings.thermal_displacement = -0.1;
  CHECK_THAT(refusal(silicon(), settings), Contains("displacement"));
  Crystal heavy = silicon();
  heavy.atoms[0].z = 100;
  settings = {};
  CHECK(BlochSimulator::create(heavy, settings).has_value());
  settings.factors = FactorTable::weickenmeier_kohl;
  CHECK_THAT(refusal(heavy, settings), Contains("Fm"));
}

TEST_CASE("thicknesses and directions out of range are refused") {
  const auto simulator = BlochSimulator::create(silicon(), {}).value();
  BlochScratch scratch;
  DiffractionPattern pattern;
  const Orientation orientation = orientation_along({0, 0, 1}).value();
  for (const double bad : {0.0, -5.0, std::nan(""), 1e9}) {
    const std::vector<double> nm = {20, bad};
    const auto done = simulator.pattern(orientation, nm, scratch, pattern);
    REQUIRE_FALSE(done.has_value());
    CHECK_THAT(done.error().message, Contains("positive"));
  }
  CHECK_FALSE(simulator.pattern(orientation, {}, scratch, pattern).has_value());
  CHECK_THAT(zone_direction(silicon().cell, {0, 0, 0}).error().message, Contains("no direction"));
  CHECK_FALSE(orientation_along({0, 0, 0}).has_value());
  CHECK_THAT(make_orientation(2 * Eigen::Matrix3d::Identity(), {0, 0, 1}).error().message,
             Contains("rotation matrix"));
  CHECK_THAT(make_orientation(Eigen::Matrix3d::Identity(), {1, 0, 0}).error().message, Contains("80°"));
  CHECK_THAT(make_orientation(Eigen::Matrix3d::Identity(), {0, 0, 0}).error().message,
             Contains("foil normal"));
}

TEST_CASE("every option changes something") {
  const Orientation orientation = orientation_along({0.1, 0.3, 1}).value();
  const BlochSettings plain;
  const auto reference = pattern_of(silicon(), plain, orientation);
  const auto changed = [&](auto change) {
    BlochSettings settings = plain;
    change(settings);
    return difference(reference, pattern_of(silicon(), settings, orientation));
  };
  CHECK(changed([](BlochSettings&) {}) == 0);
  CHECK(changed([](BlochSettings& s) { s.voltage_kv = 200; }) > 1e-3);
  CHECK(changed([](BlochSettings& s) { s.k_max = 1.5; }) > 1e-6);
  CHECK(changed([](BlochSettings& s) { s.sg_max = 0.03; }) > 1e-6);
  CHECK(changed([](BlochSettings& s) { s.factors = FactorTable::weickenmeier_kohl; }) > 1e-4);
  CHECK(changed([](BlochSettings& s) { s.absorption = true; }) > 1e-2);
  CHECK(changed([](BlochSettings& s) { s.thermal_displacement = 0.08; }) > 1e-4);
  CHECK(changed([](BlochSettings& s) { s.thermal_displacement.reset(); }) > 1e-4);
  CHECK(changed([](BlochSettings& s) { s.bethe_ratio = 100; }) > 1e-9);
  const double tilted = difference(
      reference,
      pattern_of(silicon(), plain,
                 make_orientation(orientation.axes, orientation.axes * Eigen::Vector3d(0.3, 0, 1)).value()));
  CHECK(tilted > 1e-3);
}

TEST_CASE("an isotropic tensor is the same as the isotropic value, another one is not") {
  BlochSettings settings;
  settings.thermal_displacement.reset();
  const Orientation orientation = orientation_along({0.1, 0.3, 1}).value();
  const auto isotropic = pattern_of(silicon(), settings, orientation);
  Crystal tensor = silicon();
  for (Atom& atom : tensor.atoms) atom.u_tensor = Eigen::Matrix3d(0.006 * Eigen::Matrix3d::Identity());
  CHECK(difference(isotropic, pattern_of(tensor, settings, orientation)) < 1e-10);
  for (Atom& atom : tensor.atoms)
    atom.u_tensor = Eigen::Matrix3d(Eigen::Vector3d(0.001, 0.001, 0.016).asDiagonal());
  CHECK(difference(isotropic, pattern_of(tensor, settings, orientation)) > 1e-4);
}

TEST_CASE("data set settings: presets and refusals") {
  const auto paper = dataset_preset("paper").value(), field = dataset_preset("field").value();
  CHECK(paper.noise.position_sigma == 0);
  CHECK(paper.zones == ZoneChoice::grid);
  CHECK(paper.bloch.sg_max == 0.06);
  CHECK(field.noise.position_sigma == 0.003);
  CHECK(field.noise.min_intensity == 5e-4);
  CHECK(field.rotations == InPlane::random);
  CHECK(to_json(paper) != to_json(field));
  CHECK_FALSE(dataset_preset("fancy").has_value());
  DatasetSettings bad = field;
  bad.thicknesses_nm = {-1};
  CHECK_FALSE(validate(bad).has_value());
  bad = field;
  bad.shard = 3, bad.shards = 2;
  CHECK_THAT(validate(bad).error().message, Contains("shard 3/2"));
  bad = field;
  bad.zone_axes = 0;
  CHECK_FALSE(validate(bad).has_value());
  bad = field;
  bad.noise.position_sigma = -1;
  CHECK_FALSE(validate(bad).has_value());
}
