// Standard cells, centring and inversion centres.
#include "core/crystal/symmetry.hpp"

#include "tests/catch.hpp"

using namespace bragglive;

namespace {

Crystal crystal_of(CellParameters cell, std::vector<std::pair<int, Eigen::Vector3d>> atoms) {
  Crystal crystal;
  crystal.id = "test";
  crystal.cell = cell;
  for (const auto& [z, position] : atoms) crystal.atoms.push_back({z, position, 1, 0, {}});
  return crystal;
}

}  // namespace

TEST_CASE("a primitive cell of copper becomes the cubic one") {
  const double d = 3.6149 / std::sqrt(2.0);
  const Crystal primitive = crystal_of({d, d, d, 60, 60, 60}, {{29, {0, 0, 0}}});
  const auto standard = to_standard_cell(primitive);
  REQUIRE(standard.has_value());
  CHECK(standard->space_group == 225);
  CHECK(standard->atoms.size() == 4);
  CHECK(standard->cell.a == Approx(3.6149));
  CHECK(standard->cell.gamma == 90);
}

TEST_CASE("centring translations") {
  const Crystal copper =
      crystal_of({3.6, 3.6, 3.6}, {{29, {0, 0, 0}}, {29, {0, .5, .5}}, {29, {.5, 0, .5}}, {29, {.5, .5, 0}}});
  CHECK(centring_translations(copper).size() == 3);
  const Crystal caesium_chloride = crystal_of({4.1, 4.1, 4.1}, {{55, {0, 0, 0}}, {17, {.5, .5, .5}}});
  CHECK(centring_translations(caesium_chloride).empty());
  const Crystal iron = crystal_of({2.87, 2.87, 2.87}, {{26, {0, 0, 0}}, {26, {.5, .5, .5}}});
  REQUIRE(centring_translations(iron).size() == 1);
  CHECK(centring_translations(iron)[0] == Eigen::Vector3d(.5, .5, .5));
}

TEST_CASE("inversion centres, also away from the origin") {
  const Eigen::Vector3d shift(0.13, 0.2, 0.07);
  const Crystal salt = crystal_of({5.6, 5.6, 5.6}, {{11, shift}, {17, shift + Eigen::Vector3d(.5, .5, .5)}});
  REQUIRE(inversion_centre(salt).has_value());
  const Eigen::Vector3d twice = 2 * (*inversion_centre(salt) - shift);
  CHECK((twice - twice.array().round().matrix()).norm() < 1e-9);
  const Crystal polar = crystal_of({4, 4, 4.1}, {{56, {0, 0, 0}}, {22, {.5, .5, .52}}, {8, {.5, .5, .98}}});
  CHECK_FALSE(inversion_centre(polar).has_value());
}

TEST_CASE("exactly right angles stay exact in the Cartesian frame") {
  const Eigen::Matrix3d rows = lattice_rows({2, 3, 4});
  CHECK(rows == Eigen::Vector3d(2, 3, 4).asDiagonal().toDenseMatrix());
  const Eigen::Matrix3d skew = lattice_rows({3, 4, 5, 80, 95, 110});
  CHECK((skew * reciprocal_rows({3, 4, 5, 80, 95, 110}).transpose() - Eigen::Matrix3d::Identity()).norm() <
        1e-12);
  CHECK(skew.row(0).norm() == Approx(3));
  CHECK(skew.row(2).norm() == Approx(5));
  CHECK(skew.row(1).dot(skew.row(2)) == Approx(20 * std::cos(80 * 3.14159265358979 / 180)));
}
