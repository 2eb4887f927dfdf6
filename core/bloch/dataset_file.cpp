#include "core/bloch/dataset_file.hpp"

#include <optional>

#include "core/bloch/dataset_columns.hpp"
#include "core/hdf5/writer.hpp"

namespace bragglive {
namespace {

struct ColumnKind {
  const char* path;
  hid_t type;
  std::size_t width;
};

// H5T_* are values that the library sets at start, hence a function.
std::vector<ColumnKind> column_kinds() {
  return {{"/patterns/material", H5T_STD_U32LE, 1},
          {"/patterns/zone", H5T_IEEE_F32LE, 3},
          {"/patterns/thickness_nm", H5T_IEEE_F32LE, 1},
          {"/patterns/rotation", H5T_IEEE_F32LE, 1},
          {"/patterns/mirrored", H5T_STD_U8LE, 1},
          {"/patterns/offset", H5T_STD_U64LE, 1},
          {"/spots/qx", H5T_IEEE_F32LE, 1},
          {"/spots/qy", H5T_IEEE_F32LE, 1},
          {"/spots/intensity", H5T_IEEE_F32LE, 1},
          {"/spots/hkl", H5T_STD_I16LE, 3},
          {"/materials/system", H5T_STD_U8LE, 1},
          {"/materials/space_group", H5T_STD_U16LE, 1},
          {"/materials/lattice", H5T_IEEE_F32LE, 6},
          {"/materials/split", H5T_STD_U8LE, 1}};
}
enum Place {
  k_material,
  k_zone,
  k_thickness,
  k_rotation,
  k_mirrored,
  k_offset,
  k_qx,
  k_qy,
  k_intensity,
  k_hkl,
  k_system,
  k_space_group,
  k_lattice,
  k_split
};

}  // namespace

struct DatasetWriter::State {
  hdf5::Writer writer;
  std::vector<GrowingColumn> columns;
  std::vector<std::string> ids, formulas, groups;
  std::uint64_t materials = 0, spots = 0, skipped = 0;
};

DatasetWriter::DatasetWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
DatasetWriter::DatasetWriter(DatasetWriter&&) noexcept = default;
DatasetWriter& DatasetWriter::operator=(DatasetWriter&&) noexcept = default;
DatasetWriter::~DatasetWriter() {
  const hdf5::QuietErrors quiet;  // after a full disk the columns cannot be flushed, which was reported
  state_.reset();
}

Expected<DatasetWriter> DatasetWriter::create(const std::filesystem::path& target,
                                              const DatasetProvenance& provenance) {
  start_hdf5();
  auto writer = hdf5::Writer::create(target);
  if (!writer) return tl::unexpected(writer.error());
  auto state = std::unique_ptr<State>(new State{std::move(*writer), {}, {}, {}, {}});
  const hid_t file = state->writer.file();
  for (const auto& [name, text] : {std::pair<const char*, std::string>{"format", k_dataset_format},
                                   {"settings", provenance.settings},
                                   {"program_version", provenance.program_version},
                                   {"source", provenance.source}})
    if (auto ok = write_text_attribute(file, name, text); !ok) return tl::unexpected(ok.error());
  for (const auto& [name, value] : {std::pair<const char*, std::uint64_t>{"version", k_dataset_version},
                                    {"seed", provenance.seed},
                                    {"source_crc32", provenance.source_crc32}})
    if (auto ok = write_number_attribute(file, name, value); !ok) return tl::unexpected(ok.error());
  for (const ColumnKind& kind : column_kinds()) {
    auto column = GrowingColumn::create(file, kind.path, kind.type, kind.width);
    if (!column) return tl::unexpected(column.error());
    state->columns.push_back(std::move(*column));
  }
  const std::uint64_t zero = 0;
  if (auto ok = state->columns[k_offset].append(&zero, 1); !ok) return tl::unexpected(ok.error());
  return DatasetWriter(std::move(state));
}

Expected<void> DatasetWriter::append(const DatasetBlock& block) {
  State& s = *state_;
  std::vector<std::uint8_t> system, split;
  std::vector<std::uint16_t> group;
  std::vector<float> lattice;
  for (const DatasetMaterial& m : block.materials) {
    s.ids.push_back(m.id);
    s.formulas.push_back(m.formula);
    s.groups.push_back(m.group);
    system.push_back(m.system);
    split.push_back(m.split);
    group.push_back(m.space_group);
    lattice.insert(lattice.end(), m.lattice, m.lattice + 6);
  }
  std::vector<std::uint32_t> material = block.material;
  for (std::uint32_t& row : material) row += static_cast<std::uint32_t>(s.materials);
  std::vector<std::uint64_t> offset(block.offset.begin() + 1, block.offset.end());
  for (std::uint64_t& end : offset) end += s.spots;
  const std::size_t n = block.patterns(), m = block.spots(), k = block.materials.size();
  struct Piece {
    Place place;
    const void* values;
    std::size_t rows;
  };
  for (const Piece& piece :
       {Piece{k_material, material.data(), n}, Piece{k_zone, block.zone.data(), n},
        Piece{k_thickness, block.thickness_nm.data(), n}, Piece{k_rotation, block.rotation.data(), n},
        Piece{k_mirrored, block.mirrored.data(), n}, Piece{k_offset, offset.data(), n},
        Piece{k_qx, block.qx.data(), m}, Piece{k_qy, block.qy.data(), m},
        Piece{k_intensity, block.intensity.data(), m}, Piece{k_hkl, block.hkl.data(), m},
        Piece{k_system, system.data(), k}, Piece{k_space_group, group.data(), k},
        Piece{k_lattice, lattice.data(), k}, Piece{k_split, split.data(), k}})
    if (auto ok = s.columns[piece.place].append(piece.values, piece.rows); !ok) return ok;
  s.materials += k;
  s.spots += m;
  s.skipped += block.skipped.size();
  return {};
}

Expected<void> DatasetWriter::commit() {
  State& s = *state_;
  const hid_t file = s.writer.file();
  for (GrowingColumn& column : s.columns)
    if (auto ok = column.close(); !ok) return ok;
  for (const auto& [path, texts] :
       {std::pair<const char*, const std::vector<std::string>*>{"/materials/id", &s.ids},
        {"/materials/formula", &s.formulas},
        {"/materials/group", &s.groups}})
    if (auto ok = write_strings(file, path, *texts); !ok) return ok;
  if (auto ok = write_number_attribute(file, "materials_skipped", s.skipped); !ok) return ok;
  return s.writer.commit();
}

}  // namespace bragglive
