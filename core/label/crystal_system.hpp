// The crystal systems and their numbers in files, votes and planes.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bragglive {

// Numbers as written into result files.
enum class CrystalSystem : std::uint8_t {
  none = 0, triclinic = 1, monoclinic = 2, orthorhombic = 3, tetragonal = 4, trigonal = 5, hexagonal = 6, cubic = 7
};
constexpr int k_crystal_systems = 8;  // with none

constexpr std::array<std::string_view, k_crystal_systems> k_crystal_system_names = {
    "none", "triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"};

constexpr std::string_view name_of(CrystalSystem system) {
  return k_crystal_system_names[static_cast<std::size_t>(system)];
}

constexpr std::optional<CrystalSystem> crystal_system_from_name(std::string_view name) {
  for (std::size_t i = 0; i < k_crystal_system_names.size(); ++i)
    if (k_crystal_system_names[i] == name) return static_cast<CrystalSystem>(i);
  return std::nullopt;
}

// Space-group number 1..230 to crystal system (trigonal = 143..167); none outside that range.
constexpr CrystalSystem crystal_system_of_space_group(int number) {
  if (number < 1 || number > 230) return CrystalSystem::none;
  if (number <= 2) return CrystalSystem::triclinic;
  if (number <= 15) return CrystalSystem::monoclinic;
  if (number <= 74) return CrystalSystem::orthorhombic;
  if (number <= 142) return CrystalSystem::tetragonal;
  if (number <= 167) return CrystalSystem::trigonal;
  if (number <= 194) return CrystalSystem::hexagonal;
  return CrystalSystem::cubic;
}

}  // namespace bragglive
