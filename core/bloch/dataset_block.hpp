// Patterns of a few materials as they lie in a data set, and as a part file on the way to one.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/frame/error.hpp"

namespace bragglive {

struct DatasetMaterial {
  std::string id, formula, group;
  std::uint8_t system = 0;
  std::uint16_t space_group = 0;
  float lattice[6] = {};  // a b c Å, α β γ degrees of the standard conventional cell
  std::uint8_t split = 255;
};

// One row of `patterns` per (material, zone, thickness). Spots of pattern p: offset[p] .. offset[p + 1].
struct DatasetBlock {
  std::vector<DatasetMaterial> materials;
  std::vector<std::uint32_t> material;  // row of `materials`
  std::vector<float> zone;              // 3 per pattern: unit vector in the crystal's Cartesian frame
  std::vector<float> thickness_nm;
  std::vector<float> rotation;         // rad: in-plane turn that was applied
  std::vector<std::uint8_t> mirrored;  // 1: qy was reversed before the turn
  std::vector<std::uint64_t> offset = {0};
  std::vector<float> qx, qy, intensity;  // spots: 1/Å, incident beam = 1
  std::vector<std::int16_t> hkl;         // 3 per spot
  std::vector<std::string> skipped;      // why materials are missing, one line each

  std::size_t patterns() const { return material.size(); }
  std::size_t spots() const { return qx.size(); }
};

// A part file carries the digest of its run and a CRC-32; its name never stands for half a file. Parts are
// read again only by the program that wrote them: native byte order.
Expected<void> write_part(const std::filesystem::path& file, const DatasetBlock& block, std::uint64_t digest);
// Fails when the file is damaged or belongs to another run.
Expected<DatasetBlock> read_part(const std::filesystem::path& file, std::uint64_t digest);

}  // namespace bragglive
