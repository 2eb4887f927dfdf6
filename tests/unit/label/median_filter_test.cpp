// The window filter against the plain definition: six planes, each sorted.
#include "core/label/median_filter.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "core/label/crystal_system.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

namespace {
// `known`: the first entries of the window; the others never arrived.
FilteredLabel by_definition(const std::array<std::uint8_t, 25>& systems, const std::array<float, 25>& margins,
                            std::size_t known, std::uint32_t allowed) {
  FilteredLabel best;
  for (std::uint8_t system = 1; system < k_crystal_systems; ++system) {
    if (!(allowed >> system & 1u)) continue;
    std::vector<float> plane(known);
    for (std::size_t i = 0; i < known; ++i) plane[i] = systems[i] == system ? margins[i] : 0.f;
    std::sort(plane.begin(), plane.end());
    const float lower_median = plane[(known - 1) / 2];
    if (lower_median > best.margin) best = {system, lower_median};
  }
  return best;
}
}  // namespace

TEST_CASE("the window filter equals six sorted planes") {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::array<std::uint8_t, 25> systems{};
    std::array<float, 25> margins{};
    // Few systems, so that planes with 13 and more entries happen often.
    const auto kinds = 1 + random() % 3;
    const std::size_t known = round % 3 ? 25 : 1 + random() % 25;
    for (std::size_t i = 0; i < known; ++i) {
      systems[i] = static_cast<std::uint8_t>(random() % 6 == 0 ? 0 : 2 + random() % kinds);
      margins[i] = systems[i] == 0 || random() % 8 == 0 ? 0.f : static_cast<float>(random() % 80) / 80.f;
    }
    const std::uint32_t allowed = round % 2 ? 0xfeu : 0xfeu & ~(1u << (2 + random() % 3));
    const FilteredLabel expected = by_definition(systems, margins, known, allowed);
    const FilteredLabel got = filter_window(systems, margins, static_cast<int>(known), allowed);
    REQUIRE(got.system == expected.system);
    REQUIRE(got.margin == expected.margin);
  }
}

TEST_CASE("planes that are all zero give no label") {
  const std::array<std::uint8_t, 25> systems{};
  const std::array<float, 25> margins{};
  CHECK(filter_window(systems, margins, 25, 0xfe).system == 0);
}
