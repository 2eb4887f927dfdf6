// Simulated patterns in memory, read from the data sets that `bragglive simulate` writes.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/frame/error.hpp"
#include "core/label/crystal_system.hpp"

namespace bragglive {

constexpr std::uint8_t k_split_train = 0, k_split_test = 1;

struct Material {
  std::string id, formula, group;  // group: key of the train/test split; never on both sides
  CrystalSystem system = CrystalSystem::none;
  std::uint16_t space_group = 0;
  std::array<float, 6> lattice{};  // a, b, c in Å, alpha, beta, gamma in degrees; standard conventional cell
  std::uint8_t split = 255;
};

struct Dataset {
  std::vector<Material> materials;
  std::vector<std::uint32_t> material;  // of each pattern
  std::vector<float> thickness_nm;
  std::vector<std::uint64_t> offset{0};  // patterns + 1, into the spots
  std::vector<float> qx, qy, intensity;  // 1/Å; incident beam = 1; the direct beam is included
  std::vector<std::string> settings;     // JSON, one per file

  std::size_t patterns() const { return material.size(); }
  void copy_pattern(std::size_t pattern, BraggList& out) const;
  // Frees the spots, gigabytes of a large set: no copy_pattern() any more, all else stays.
  void forget_spots();
};

// Reads the files one after the other; a material that occurs in several (same id) is one. Checks format,
// shapes, offsets, indices and that every number is finite; the message names the file and the table.
Expected<Dataset> load_datasets(std::span<const std::filesystem::path> files);

// The target lattice: lengths of orthorhombic cells sorted (their order is a matter of the setting), as the
// paper does.
std::array<float, 6> comparable_lattice(const Material& material);

}  // namespace bragglive
