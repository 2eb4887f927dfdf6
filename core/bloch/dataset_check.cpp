#include <algorithm>
#include <cmath>

#include "core/bloch/dataset_columns.hpp"
#include "core/bloch/dataset_file.hpp"
#include "core/label/crystal_system.hpp"

namespace bragglive {
namespace {

constexpr std::uint64_t k_block_rows = 1 << 16;

Expected<hdf5::Handle> open_dataset_file(const std::filesystem::path& path, DatasetSummary& summary) {
  start_hdf5();
  const hdf5::QuietErrors quiet;
  hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  if (!file) return fail(ErrorArea::file, "{}: not there or not an HDF5 file", path.string());
  const auto format = read_text_attribute(file.get(), "format");
  if (!format || *format != k_dataset_format)
    return fail(ErrorArea::format, "{}: not a bragglive data set (attribute format)", path.string());
  const auto version = read_number_attribute(file.get(), "version");
  if (!version || *version != k_dataset_version)
    return fail(ErrorArea::format,
                "{}: a data set of version {}; this program reads version {}: make the set again",
                path.string(), version ? *version : 0, k_dataset_version);
  DatasetProvenance& p = summary.provenance;
  for (const auto& [name, text] : {std::pair<const char*, std::string*>{"settings", &p.settings},
                                   {"program_version", &p.program_version},
                                   {"source", &p.source}}) {
    auto value = read_text_attribute(file.get(), name);
    if (!value) return tl::unexpected(value.error());
    *text = *value;
  }
  if (const auto seed = read_number_attribute(file.get(), "seed")) p.seed = *seed;
  if (const auto crc = read_number_attribute(file.get(), "source_crc32"))
    p.source_crc32 = static_cast<std::uint32_t>(*crc);
  if (const auto skipped = read_number_attribute(file.get(), "materials_skipped")) summary.skipped = *skipped;
  return file;
}

struct Column {
  const char* path;
  hid_t type;
  std::size_t width;
  std::uint64_t rows;  // that it must have
};

Expected<void> count_rows(hid_t file, DatasetSummary& summary) {
  const auto material = StoredColumn::open(file, "/materials/system", H5T_STD_U8LE, 1);
  const auto pattern = StoredColumn::open(file, "/patterns/material", H5T_STD_U32LE, 1);
  const auto spot = StoredColumn::open(file, "/spots/qx", H5T_IEEE_F32LE, 1);
  for (const auto* column : {&material, &pattern, &spot})
    if (!*column) return tl::unexpected(column->error());
  summary.materials = material->rows();
  summary.patterns = pattern->rows();
  summary.spots = spot->rows();
  std::vector<std::uint8_t> system(summary.materials);
  if (auto ok = material->read(0, summary.materials, system.data()); !ok) return ok;
  for (const std::uint8_t s : system) {
    if (s >= k_crystal_systems)
      return fail(ErrorArea::format, "/materials/system holds {}, which is no crystal system", s);
    ++summary.per_system[s];
  }
  return {};
}

Expected<void> check_offsets(hid_t file, const DatasetSummary& summary) {
  const auto column = StoredColumn::open(file, "/patterns/offset", H5T_STD_U64LE, 1);
  if (!column) return tl::unexpected(column.error());
  std::vector<std::uint64_t> block;
  std::uint64_t previous = 0;
  for (std::uint64_t at = 0; at < column->rows(); at += k_block_rows) {
    block.resize(std::min(k_block_rows, column->rows() - at));
    if (auto ok = column->read(at, block.size(), block.data()); !ok) return ok;
    for (const std::uint64_t offset : block) {
      if (offset < previous)
        return fail(ErrorArea::format, "/patterns/offset falls from {} to {}", previous, offset);
      previous = offset;
    }
  }
  if (previous != summary.spots)
    return fail(ErrorArea::format, "/patterns/offset ends at {}, but there are {} spots", previous,
                summary.spots);
  return {};
}

Expected<void> check_materials(hid_t file, const DatasetSummary& summary) {
  const auto column = StoredColumn::open(file, "/patterns/material", H5T_STD_U32LE, 1);
  if (!column) return tl::unexpected(column.error());
  std::vector<std::uint32_t> block;
  for (std::uint64_t at = 0; at < column->rows(); at += k_block_rows) {
    block.resize(std::min(k_block_rows, column->rows() - at));
    if (auto ok = column->read(at, block.size(), block.data()); !ok) return ok;
    for (const std::uint32_t row : block)
      if (row >= summary.materials)
        return fail(ErrorArea::format, "/patterns/material names row {} of {} materials", row,
                    summary.materials);
  }
  return {};
}

Expected<void> check_finite(hid_t file, const char* path) {
  const auto column = StoredColumn::open(file, path, H5T_IEEE_F32LE, 1);
  if (!column) return tl::unexpected(column.error());
  std::vector<float> block;
  for (std::uint64_t at = 0; at < column->rows(); at += k_block_rows) {
    block.resize(std::min(k_block_rows, column->rows() - at));
    if (auto ok = column->read(at, block.size(), block.data()); !ok) return ok;
    if (!std::all_of(block.begin(), block.end(), [](float x) { return std::isfinite(x); }))
      return fail(ErrorArea::format, "{} holds values that are not finite", path);
  }
  return {};
}

Expected<void> check_contents(hid_t file, const DatasetSummary& s) {
  for (const Column& c :
       {Column{"/patterns/material", H5T_STD_U32LE, 1, s.patterns},
        Column{"/patterns/zone", H5T_IEEE_F32LE, 3, s.patterns},
        Column{"/patterns/thickness_nm", H5T_IEEE_F32LE, 1, s.patterns},
        Column{"/patterns/rotation", H5T_IEEE_F32LE, 1, s.patterns},
        Column{"/patterns/mirrored", H5T_STD_U8LE, 1, s.patterns},
        Column{"/patterns/offset", H5T_STD_U64LE, 1, s.patterns + 1},
        Column{"/spots/qx", H5T_IEEE_F32LE, 1, s.spots}, Column{"/spots/qy", H5T_IEEE_F32LE, 1, s.spots},
        Column{"/spots/intensity", H5T_IEEE_F32LE, 1, s.spots},
        Column{"/spots/hkl", H5T_STD_I16LE, 3, s.spots},
        Column{"/materials/system", H5T_STD_U8LE, 1, s.materials},
        Column{"/materials/space_group", H5T_STD_U16LE, 1, s.materials},
        Column{"/materials/lattice", H5T_IEEE_F32LE, 6, s.materials},
        Column{"/materials/split", H5T_STD_U8LE, 1, s.materials}}) {
    const auto column = StoredColumn::open(file, c.path, c.type, c.width);
    if (!column) return tl::unexpected(column.error());
    if (column->rows() != c.rows)
      return fail(ErrorArea::format, "{} has {} rows, {} are needed", c.path, column->rows(), c.rows);
    if (auto ok = column->check(); !ok) return ok;
  }
  if (auto ok = check_offsets(file, s); !ok) return ok;
  if (auto ok = check_materials(file, s); !ok) return ok;
  for (const char* path : {"/spots/qx", "/spots/qy", "/spots/intensity", "/patterns/thickness_nm"})
    if (auto ok = check_finite(file, path); !ok) return ok;
  return {};
}

}  // namespace

Expected<DatasetSummary> summarise_dataset(const std::filesystem::path& path) {
  DatasetSummary summary;
  const auto file = open_dataset_file(path, summary);
  if (!file) return tl::unexpected(file.error());
  if (auto ok = count_rows(file->get(), summary); !ok)
    return fail(ok.error().area, "{}: {}", path.string(), ok.error().message);
  return summary;
}

Expected<DatasetSummary> verify_dataset(const std::filesystem::path& path) {
  DatasetSummary summary;
  const auto file = open_dataset_file(path, summary);
  if (!file) return tl::unexpected(file.error());
  auto ok = count_rows(file->get(), summary);
  if (ok) ok = check_contents(file->get(), summary);
  if (!ok) return fail(ok.error().area, "{}: {}", path.string(), ok.error().message);
  return summary;
}

}  // namespace bragglive
