#include "core/train/lattice_lengths.hpp"

#include "core/features/feature_set.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

TEST_CASE("lattice lengths are measured by the fitted cell of their own system") {
  const std::vector<std::string> names{"spots", "lattice tetragonal c", "lattice cubic a",
                                       "lattice tetragonal a", "lattice hexagonal a"};
  const LatticeLengths lengths(names);
  CHECK(lengths.measured(CrystalSystem::cubic));
  CHECK(lengths.measured(CrystalSystem::tetragonal));
  CHECK_FALSE(lengths.measured(CrystalSystem::hexagonal));  // its c is not among the features
  CHECK_FALSE(lengths.measured(CrystalSystem::triclinic));
  CHECK(lengths.scale_features(CrystalSystem::hexagonal).empty());
  CHECK(lengths.scale_features(CrystalSystem::tetragonal) ==
        std::vector<std::uint16_t>{3, 3, 1, k_unscaled, k_unscaled, k_unscaled});

  std::vector<float> values;
  for (const std::uint16_t feature : lengths.features())
    values.push_back(feature == 2 ? 4.0F : feature == 3 ? 2.0F : 0.0F);
  std::array<float, 6> lattice{4, 4, 6, 90, 90, 90};
  lengths.divide(CrystalSystem::tetragonal, values, lattice);
  CHECK(lattice == std::array<float, 6>{2, 2, 6, 90, 90, 90});  // c was not measured in this pattern
  lengths.divide(CrystalSystem::hexagonal, values, lattice);
  CHECK(lattice == std::array<float, 6>{2, 2, 6, 90, 90, 90});
}

TEST_CASE("the indexing features measure every system but the triclinic one, polar ones none") {
  const LatticeLengths indexing((*make_feature_set("indexing"))->names()),
      polar((*make_feature_set("polar"))->names());
  for (int s = 2; s < k_crystal_systems; ++s) CHECK(indexing.measured(static_cast<CrystalSystem>(s)));
  CHECK(polar.features().empty());
}
