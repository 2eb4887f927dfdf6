// Zone axes: unique, covering, reproducible; the reference plan.
#include "core/bloch/zone_axes.hpp"

#include <numbers>

#include "tests/unit/bloch/reference.hpp"

using namespace bragglive;

namespace {
constexpr double k_degree = std::numbers::pi / 180;

double closest_angle(LaueClass laue, const std::vector<Eigen::Vector3d>& zones, const Eigen::Vector3d& v) {
  double closest = 1e9;
  for (const auto& zone : zones) closest = std::min(closest, symmetric_angle(laue, zone, v));
  return closest;
}
}  // namespace

TEST_CASE("N even zones of every Laue class: inside, unique, covering, the same again") {
  for (int i = 0; i < k_laue_classes; ++i)
    for (const int count : {1, 7, 100}) {
      const auto laue = static_cast<LaueClass>(i);
      INFO(name_of(laue) << " " << count);
      const auto zones = even_zones(laue, count);
      REQUIRE(zones.has_value());
      REQUIRE(std::ssize(*zones) == count);
      // A patch of the sector's share of the sphere has this radius; farthest-point spreading keeps the
      // distances near it.
      const double patch = std::acos(1 - 2.0 / (count * double(operations_of(laue).size())));
      double nearest = 1e9, widest = 0;
      for (std::size_t a = 0; a < zones->size(); ++a) {
        CHECK((*zones)[a].norm() == Approx(1));
        CHECK(inside(sector_of(laue), (*zones)[a]));
        for (std::size_t b = a + 1; b < zones->size(); ++b)
          nearest = std::min(nearest, symmetric_angle(laue, (*zones)[a], (*zones)[b]));
      }
      CounterRandom random(3);
      for (int k = 0; k < 500; ++k)
        widest = std::max(widest, closest_angle(laue, *zones, random_zone(laue, random)));
      if (count == 100) {
        CHECK(nearest > 0.9 * patch);
        CHECK(widest < 2.1 * patch);
      }
      CHECK(*even_zones(laue, count) == *zones);
    }
  CHECK_FALSE(even_zones(LaueClass::cubic_high, 0).has_value());
  CHECK_FALSE(even_zones(LaueClass::cubic_high, 1 << 30).has_value());
}

TEST_CASE("the first zones of a cubic grid are 001, 011 and 111") {
  const auto zones = even_zones(LaueClass::cubic_high, 3).value();
  CHECK((zones[0] - Eigen::Vector3d(0, 0, 1)).norm() < 1e-12);
  CHECK((zones[1] - Eigen::Vector3d(0, 1, 1).normalized()).norm() < 1e-12);
  CHECK((zones[2] - Eigen::Vector3d(1, 1, 1).normalized()).norm() < 1e-12);
}

TEST_CASE("random zones are uniform over the sector") {
  // The sector of mmm is an octant: z is uniform in 0..1, the azimuth in 0..90°.
  CounterRandom random(11);
  constexpr int k_count = 20000;
  int low = 0, early = 0;
  for (int i = 0; i < k_count; ++i) {
    const Eigen::Vector3d v = random_zone(LaueClass::orthorhombic, random);
    REQUIRE(inside(sector_of(LaueClass::orthorhombic), v));
    low += v[2] < 0.25;
    early += std::atan2(v[1], v[0]) < 30 * k_degree;
  }
  CHECK(low / double(k_count) == Approx(0.25).margin(0.015));
  CHECK(early / double(k_count) == Approx(1.0 / 3).margin(0.015));
}

TEST_CASE("the reference zone plan") {
  if (!test::have_shared("reference/zone_plan/orientation_vectors.json")) return;
  const auto cases = test::read_json("reference/zone_plan/orientation_vectors.json");
  for (const auto& entry : cases) {
    const auto zones = zone_plan(entry["point_group"].get<std::string>(), entry["angle_step_deg"]);
    INFO(entry["crystal"] << " " << entry["point_group"] << " " << entry["angle_step_deg"]);
    REQUIRE(zones.has_value());
    REQUIRE(zones->size() == entry["n_zones"]);
    for (const auto& expected : entry["vectors_cartesian"]) {
      const Eigen::Vector3d v(expected[0].get<double>(), expected[1].get<double>(),
                              expected[2].get<double>());
      double closest = 1e9;
      for (const auto& zone : *zones) closest = std::min(closest, (zone - v).norm());
      CHECK(closest < 1e-8);
    }
  }
}

TEST_CASE("zone plans have the published sizes for all point groups") {
  struct Size {
    const char* group;
    std::size_t at_9_degrees;
  };
  for (const Size& s :
       {Size{"m-3m", 28}, Size{"-43m", 28}, Size{"4/mmm", 66}, Size{"mmm", 66}, Size{"6/mmm", 66},
        Size{"-3m", 66}, Size{"32", 66}, Size{"2/m", 121}, Size{"6mm", 121}})
    CHECK(zone_plan(s.group, 9)->size() == s.at_9_degrees);
  for (const char* group : {"1",   "-1",  "2",    "m",     "2/m",   "222", "mm2", "mmm", "4",    "-4",  "4/m",
                            "422", "4mm", "-42m", "4/mmm", "3",     "-3",  "32",  "3m",  "-3m",  "6",   "-6",
                            "6/m", "622", "6mm",  "-6m2",  "6/mmm", "23",  "m-3", "432", "-43m", "m-3m"}) {
    INFO(group);
    const auto zones = zone_plan(group, 15);
    REQUIRE(zones.has_value());
    for (std::size_t a = 0; a < zones->size(); ++a) {
      CHECK((*zones)[a].norm() == Approx(1));
      for (std::size_t b = a + 1; b < zones->size(); ++b) CHECK(((*zones)[a] - (*zones)[b]).norm() > 1e-6);
    }
  }
  CHECK_FALSE(zone_plan("5/m", 9).has_value());
  CHECK_FALSE(zone_plan("m-3m", 0).has_value());
}
