// The model file: header, section table, JSON metadata, forests. Everything little-endian; every section has
// a CRC-32.
//
//   offset  0  magic "BLMODEL\n"      8 bytes
//           8  format version         u32, 1
//          12  number of sections     u32, 1..256
//          16  size of the whole file u64
//          24  CRC-32 of the section table, then of bytes 0..23 (continued)  u32
//          28  0                      u32
//          32  section table: name (40 bytes, zero padded), offset u64, size u64, CRC-32 u32, 0 u32
//   then the sections, each at a multiple of 64. CRC-32 is that of zlib. The first section is "metadata",
//   UTF-8 JSON.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/forest/forest.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

constexpr std::uint32_t k_model_format_version = 1;
constexpr std::uint64_t k_max_model_bytes = std::uint64_t{8} << 30;

struct ModelSection {
  std::string name;  // at most 39 characters
  std::vector<std::byte> bytes;
};

// One that is to be written: its bytes are asked for when their turn comes and freed behind it, so that a
// model of gigabytes is never in memory a second time.
struct SectionSource {
  std::string name;
  std::function<std::vector<std::byte>()> bytes;
};

struct ModelContainer {
  std::vector<ModelSection> sections;
  std::string checksum;  // 16 hexadecimal digits over the file's bytes
  const ModelSection* find(std::string_view name) const;
};

// Checks magic, version, sizes, order, overlap and checksums; the message says which file, what, and what to
// do.
Expected<ModelContainer> read_model_container(const std::filesystem::path& file);
Expected<ModelContainer> parse_model_container(std::span<const std::byte> bytes, const std::string& called);

// Written beside the target, flushed to the disk and renamed over it: a reader never sees half a model.
Expected<void> write_model_container(const std::filesystem::path& file,
                                     std::span<const SectionSource> sections);

// One forest as a section:
//   u32 version 2, kind, features, outputs, trees, bytes per leaf value (4 or 8; regression); u64 nodes; u64
//   leaf words or leaf values; u64 tree_start[trees + 1]; u16 labels[outputs] (classification) or scale
//   features[outputs] (regression, 65535 = none), padded to 8 bytes;
//   nodes; leaf words or values.
std::vector<std::byte> forest_bytes(const Forest& forest, bool double_values = false);
Expected<Forest> forest_from_bytes(std::span<const std::byte> bytes);

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t continued = 0) noexcept;

}  // namespace bragglive
