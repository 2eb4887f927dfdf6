#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"
#include "core/frame/scan_geometry.hpp"
#include "core/label/crystal_system.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

TEST_CASE("pixel type names round-trip and unknown names are refused") {
  for (PixelType type : {PixelType::u8, PixelType::u16, PixelType::u32, PixelType::f32})
    CHECK(pixel_type_from_name(name_of(type)) == type);
  CHECK_FALSE(pixel_type_from_name("int64").has_value());
}

TEST_CASE("scan index and position are inverse on a non-square scan") {
  const ScanShape scan{3, 5};
  for (std::uint64_t i = 0; i < scan.positions(); ++i) CHECK(index_of(scan, position_of(scan, i)) == i);
  CHECK(position_of(scan, 7) == ScanPosition{1, 2});
}

TEST_CASE("space-group numbers map to the crystal system at every border") {
  const std::pair<int, CrystalSystem> borders[] = {
      {0, CrystalSystem::none},        {2, CrystalSystem::triclinic},     {3, CrystalSystem::monoclinic},
      {15, CrystalSystem::monoclinic}, {16, CrystalSystem::orthorhombic}, {74, CrystalSystem::orthorhombic},
      {75, CrystalSystem::tetragonal}, {142, CrystalSystem::tetragonal},  {143, CrystalSystem::trigonal},
      {167, CrystalSystem::trigonal},  {168, CrystalSystem::hexagonal},   {194, CrystalSystem::hexagonal},
      {195, CrystalSystem::cubic},     {230, CrystalSystem::cubic},       {231, CrystalSystem::none}};
  for (auto [number, system] : borders) CHECK(crystal_system_of_space_group(number) == system);
}

TEST_CASE("an error carries its area and a formatted message") {
  const Expected<int> result = fail(ErrorArea::file, "{} has {} rows", "scan.npy", 3);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().area == ErrorArea::file);
  CHECK(result.error().message == "scan.npy has 3 rows");
}
