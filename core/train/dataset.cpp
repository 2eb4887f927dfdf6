#include "core/train/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/hdf5/handle.hpp"

namespace bragglive {
namespace {

using hdf5::Handle;
using hdf5::native_type;

constexpr std::uint64_t k_max_rows = std::uint64_t{1} << 33;

// Reads tables of one file; every message begins with the file and the table.
class TableReader {
 public:
  TableReader(hid_t file, std::string called) : file_(file), called_(std::move(called)) {}

  // cols = 0: one-dimensional, else (n, cols).
  template <class T>
  Expected<std::vector<T>> numbers(const char* name, std::uint64_t cols = 0) const {
    const Handle set(H5Dopen2(file_, name, H5P_DEFAULT));
    if (!set) return missing(name);
    const auto count = rows_of(set.get(), name, cols);
    if (!count) return tl::unexpected(count.error());
    std::vector<T> values(*count * std::max<std::uint64_t>(cols, 1));
    if (!values.empty() &&
        H5Dread(set.get(), native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
      return fail(ErrorArea::format, "{}: {} cannot be read as numbers; the file is damaged", called_, name);
    if constexpr (std::is_floating_point_v<T>)
      for (const T value : values)
        if (!std::isfinite(value))
          return fail(ErrorArea::numeric, "{}: {} holds a number that is not finite", called_, name);
    return values;
  }

  Expected<std::vector<std::string>> texts(const char* name) const {
    const Handle set(H5Dopen2(file_, name, H5P_DEFAULT));
    if (!set) return missing(name);
    const auto count = rows_of(set.get(), name, 0);
    if (!count) return tl::unexpected(count.error());
    const Handle stored(H5Dget_type(set.get()));
    if (H5Tget_class(stored.get()) != H5T_STRING || H5Tis_variable_str(stored.get()) <= 0)
      return fail(ErrorArea::format, "{}: {} does not hold text of variable length", called_, name);
    const Handle type(H5Tcopy(stored.get())), space(H5Dget_space(set.get()));
    std::vector<char*> pointers(*count, nullptr);
    if (*count > 0 && H5Dread(set.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0)
      return fail(ErrorArea::format, "{}: {} cannot be read; the file is damaged", called_, name);
    std::vector<std::string> out;
    for (const char* pointer : pointers) out.emplace_back(pointer ? pointer : "");
    if (*count > 0) H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, pointers.data());
    return out;
  }

  const std::string& called() const { return called_; }

 private:
  tl::unexpected<Error> missing(const char* name) const {
    return fail(ErrorArea::format,
                "{} has no table {}: is it a bragglive data set (made by 'bragglive simulate')?", called_,
                name);
  }
  Expected<std::uint64_t> rows_of(hid_t set, const char* name, std::uint64_t cols) const {
    const Handle space(H5Dget_space(set));
    std::array<hsize_t, 2> dims{};
    const int rank = H5Sget_simple_extent_ndims(space.get());
    if (rank != (cols > 0 ? 2 : 1)) return fail(ErrorArea::shape, "{}: {} has {} axes", called_, name, rank);
    H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
    if (cols > 0 && dims[1] != cols)
      return fail(ErrorArea::shape, "{}: {} has {} columns instead of {}", called_, name, dims[1], cols);
    if (dims[0] > k_max_rows)
      return fail(ErrorArea::shape, "{}: {} has {} rows, more than can be", called_, name, dims[0]);
    return dims[0];
  }
  hid_t file_;
  std::string called_;
};

std::string text_attribute(hid_t file, const char* name) {
  const Handle attribute(H5Aopen(file, name, H5P_DEFAULT));
  if (!attribute) return {};
  const Handle type(H5Aget_type(attribute.get()));
  if (H5Tget_class(type.get()) != H5T_STRING) return {};
  if (H5Tis_variable_str(type.get()) > 0) {
    char* text = nullptr;
    if (H5Aread(attribute.get(), type.get(), &text) < 0 || !text) return {};
    std::string out(text);
    H5free_memory(text);
    return out;
  }
  std::string out(H5Tget_size(type.get()), '\0');
  if (H5Aread(attribute.get(), type.get(), out.data()) < 0) return {};
  out.resize(std::min(out.size(), out.find('\0') == std::string::npos ? out.size() : out.find('\0')));
  return out;
}

struct RawTables {
  std::vector<std::string> id, formula, group;
  std::vector<std::uint8_t> system, split;
  std::vector<std::uint16_t> space_group;
  std::vector<float> lattice, thickness, qx, qy, intensity;
  std::vector<std::uint32_t> material;
  std::vector<std::uint64_t> offset;
};

template <class T>
bool take(Expected<std::vector<T>> read, std::vector<T>& place, Error& error) {
  if (!read) {
    error = read.error();
    return false;
  }
  place = std::move(*read);
  return true;
}

Expected<RawTables> read_tables(const TableReader& in) {
  RawTables t;
  Error error;
  const bool good = take(in.texts("/materials/id"), t.id, error) &&
                    take(in.texts("/materials/formula"), t.formula, error) &&
                    take(in.texts("/materials/group"), t.group, error) &&
                    take(in.numbers<std::uint8_t>("/materials/system"), t.system, error) &&
                    take(in.numbers<std::uint16_t>("/materials/space_group"), t.space_group, error) &&
                    take(in.numbers<float>("/materials/lattice", 6), t.lattice, error) &&
                    take(in.numbers<std::uint8_t>("/materials/split"), t.split, error) &&
                    take(in.numbers<std::uint32_t>("/patterns/material"), t.material, error) &&
                    take(in.numbers<float>("/patterns/thickness_nm"), t.thickness, error) &&
                    take(in.numbers<std::uint64_t>("/patterns/offset"), t.offset, error) &&
                    take(in.numbers<float>("/spots/qx"), t.qx, error) &&
                    take(in.numbers<float>("/spots/qy"), t.qy, error) &&
                    take(in.numbers<float>("/spots/intensity"), t.intensity, error);
  if (!good) return tl::unexpected(error);
  return t;
}

Expected<void> check_tables(const RawTables& t, const std::string& called) {
  const std::size_t materials = t.id.size(), patterns = t.material.size(), spots = t.qx.size();
  if (t.formula.size() != materials || t.group.size() != materials || t.system.size() != materials ||
      t.space_group.size() != materials || t.lattice.size() != 6 * materials || t.split.size() != materials)
    return fail(ErrorArea::shape, "{}: the tables of /materials differ in length", called);
  if (t.thickness.size() != patterns || t.offset.size() != patterns + 1)
    return fail(ErrorArea::shape, "{}: the tables of /patterns differ in length", called);
  if (t.qy.size() != spots || t.intensity.size() != spots)
    return fail(ErrorArea::shape, "{}: the tables of /spots differ in length", called);
  for (std::size_t i = 0; i < materials; ++i) {
    if (t.system[i] < 1 || t.system[i] >= k_crystal_systems)
      return fail(ErrorArea::format, "{}: material {} has crystal system {}", called, t.id[i], t.system[i]);
    if (crystal_system_of_space_group(t.space_group[i]) != static_cast<CrystalSystem>(t.system[i]))
      return fail(ErrorArea::format, "{}: material {} is called {} and has space group {}", called, t.id[i],
                  k_crystal_system_names[t.system[i]], t.space_group[i]);
  }
  if (t.offset.front() != 0 || t.offset.back() != spots || !std::is_sorted(t.offset.begin(), t.offset.end()))
    return fail(ErrorArea::format, "{}: /patterns/offset does not cover the {} spots", called, spots);
  for (const std::uint32_t m : t.material)
    if (m >= materials)
      return fail(ErrorArea::format, "{}: a pattern of material {} of {}", called, m, materials);
  return {};
}

Expected<void> append_file(const std::filesystem::path& path, Dataset& out,
                           std::unordered_map<std::string, std::uint32_t>& known) {
  const hdf5::QuietErrors quiet;
  if (!std::filesystem::exists(path))
    return fail(ErrorArea::file, "cannot open {}: there is no such file", path.string());
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  if (!file)
    return fail(ErrorArea::file, "{} is not an HDF5 file, or it is damaged or still being written",
                path.string());
  if (text_attribute(file.get(), "format") != "bragglive-dataset")
    return fail(ErrorArea::format, "{} is not a bragglive data set: make one with 'bragglive simulate'",
                path.string());
  const auto tables = read_tables(TableReader(file.get(), path.string()));
  if (!tables) return tl::unexpected(tables.error());
  if (auto good = check_tables(*tables, path.string()); !good) return good;
  std::vector<std::uint32_t> row(tables->id.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    const auto [found, is_new] =
        known.try_emplace(tables->id[i], static_cast<std::uint32_t>(out.materials.size()));
    row[i] = found->second;
    if (!is_new) continue;
    Material material{tables->id[i],          tables->formula[i],
                      tables->group[i],       static_cast<CrystalSystem>(tables->system[i]),
                      tables->space_group[i], {},
                      tables->split[i]};
    std::copy_n(tables->lattice.begin() + static_cast<std::ptrdiff_t>(6 * i), 6, material.lattice.begin());
    out.materials.push_back(std::move(material));
  }
  for (const std::uint32_t m : tables->material) out.material.push_back(row[m]);
  out.thickness_nm.insert(out.thickness_nm.end(), tables->thickness.begin(), tables->thickness.end());
  const std::uint64_t base = out.offset.back();
  for (std::size_t i = 1; i < tables->offset.size(); ++i) out.offset.push_back(base + tables->offset[i]);
  out.qx.insert(out.qx.end(), tables->qx.begin(), tables->qx.end());
  out.qy.insert(out.qy.end(), tables->qy.begin(), tables->qy.end());
  out.intensity.insert(out.intensity.end(), tables->intensity.begin(), tables->intensity.end());
  out.settings.push_back(text_attribute(file.get(), "settings"));
  return {};
}

}  // namespace

void Dataset::copy_pattern(std::size_t pattern, BraggList& out) const {
  out.clear();
  for (std::uint64_t i = offset[pattern]; i < offset[pattern + 1]; ++i)
    out.push_back({double{qx[i]}, double{qy[i]}, double{intensity[i]}});
}

void Dataset::forget_spots() {
  // Assigning {} would empty the columns and keep their memory.
  for (std::vector<float>* column : {&qx, &qy, &intensity}) *column = std::vector<float>();
  offset = std::vector<std::uint64_t>{0};
}

Expected<Dataset> load_datasets(std::span<const std::filesystem::path> files) {
  Dataset out;
  std::unordered_map<std::string, std::uint32_t> known;
  for (const auto& file : files)
    if (auto good = append_file(file, out, known); !good) return tl::unexpected(good.error());
  if (out.patterns() == 0) return fail(ErrorArea::shape, "the data sets hold not a single pattern");
  return out;
}

std::array<float, 6> comparable_lattice(const Material& material) {
  std::array<float, 6> lattice = material.lattice;
  if (material.system == CrystalSystem::orthorhombic) std::sort(lattice.begin(), lattice.begin() + 3);
  return lattice;
}

}  // namespace bragglive
