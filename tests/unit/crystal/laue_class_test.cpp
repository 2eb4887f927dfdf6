// Laue classes: group orders, sectors that tile the sphere.
#include "core/crystal/laue_class.hpp"

#include <random>

#include "tests/catch.hpp"

using namespace bragglive;

namespace {

constexpr int k_orders[k_laue_classes] = {2, 4, 8, 8, 16, 6, 12, 12, 12, 24, 24, 48};

std::vector<Eigen::Vector3d> directions(int count) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  std::vector<Eigen::Vector3d> all;
  for (int i = 0; i < count; ++i)
    all.push_back(Eigen::Vector3d(normal(random), normal(random), normal(random)).normalized());
  return all;
}

}  // namespace

TEST_CASE("every class has its operations, and its sector is one of as many equal pieces") {
  for (int i = 0; i < k_laue_classes; ++i) {
    const auto laue = static_cast<LaueClass>(i);
    INFO(name_of(laue));
    CHECK(operations_of(laue).size() == std::size_t(k_orders[i]));
    int inside_count = 0;
    const auto all = directions(20000);
    for (const auto& v : all) inside_count += inside(sector_of(laue), v);
    const double expected = double(all.size()) / k_orders[i];
    CHECK(std::abs(inside_count - expected) < 5 * std::sqrt(expected));
  }
}

TEST_CASE("a general direction has exactly one image in the sector, an equivalent one") {
  for (int i = 0; i < k_laue_classes; ++i) {
    const auto laue = static_cast<LaueClass>(i);
    INFO(name_of(laue));
    for (const auto& v : directions(300)) {
      const Eigen::Vector3d image = into_sector(laue, v);
      CHECK(inside(sector_of(laue), image));
      CHECK(symmetric_angle(laue, v, image) < 1e-6);
      int images = 0;
      for (const auto& operation : operations_of(laue))
        images += inside(sector_of(laue), operation * v, -1e-6);
      CHECK(images <= 1);
    }
    for (const auto& corner : sector_of(laue).corners) CHECK(inside(sector_of(laue), corner));
  }
}

TEST_CASE("space groups belong to their Laue class") {
  CHECK(name_of(laue_class_of_space_group(1)) == "-1");
  CHECK(name_of(laue_class_of_space_group(14)) == "2/m");
  CHECK(name_of(laue_class_of_space_group(62)) == "mmm");
  CHECK(name_of(laue_class_of_space_group(88)) == "4/m");
  CHECK(name_of(laue_class_of_space_group(139)) == "4/mmm");
  CHECK(name_of(laue_class_of_space_group(148)) == "-3");
  CHECK(name_of(laue_class_of_space_group(166)) == "-3m1");
  CHECK(name_of(laue_class_of_space_group(162)) == "-31m");
  CHECK(name_of(laue_class_of_space_group(176)) == "6/m");
  CHECK(name_of(laue_class_of_space_group(194)) == "6/mmm");
  CHECK(name_of(laue_class_of_space_group(205)) == "m-3");
  CHECK(name_of(laue_class_of_space_group(225)) == "m-3m");
}
