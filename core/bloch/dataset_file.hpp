// The data set file (HDF5).
//   /materials: id, formula, group (UTF-8), system u8, space_group u16, lattice f32 (n,6), split u8 (0 train,
//   1 test, 255 none) /patterns:  material u32, zone f32 (n,3), thickness_nm f32, rotation f32, mirrored u8,
//   offset u64 (n+1, into /spots) /spots:     qx, qy, intensity f32, hkl i16 (m,3)
// Root attributes: format, version, settings (JSON), seed, program_version, source, source_crc32,
// materials_skipped. Every numeric data set carries the CRC-32 of its values (little-endian) as attribute
// crc32.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>

#include "core/bloch/dataset_block.hpp"

namespace bragglive {

constexpr const char* k_dataset_format = "bragglive-dataset";
constexpr int k_dataset_version = 1;

struct DatasetProvenance {
  std::string settings;  // JSON
  std::uint64_t seed = 0;
  std::string program_version;
  std::string source;  // where the crystals came from
  std::uint32_t source_crc32 = 0;
};

// Blocks are appended in order; the target's name appears with commit() and never stands for half a set.
class DatasetWriter {
 public:
  static Expected<DatasetWriter> create(const std::filesystem::path& target,
                                        const DatasetProvenance& provenance);
  DatasetWriter(DatasetWriter&&) noexcept;
  DatasetWriter& operator=(DatasetWriter&&) noexcept;
  ~DatasetWriter();

  Expected<void> append(const DatasetBlock& block);
  Expected<void> commit();

 private:
  struct State;
  explicit DatasetWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct DatasetSummary {
  std::uint64_t materials = 0, patterns = 0, spots = 0, skipped = 0;
  std::uint64_t per_system[8] = {};  // materials by CrystalSystem number
  DatasetProvenance provenance;
};

// Reads the whole set and checks it: format and version, shapes, offsets, material rows, finite values,
// checksums.
Expected<DatasetSummary> verify_dataset(const std::filesystem::path& file);

// Only the header: format, version, provenance and counts.
Expected<DatasetSummary> summarise_dataset(const std::filesystem::path& file);

}  // namespace bragglive
