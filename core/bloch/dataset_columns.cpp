#include "core/bloch/dataset_columns.hpp"

#include <zlib.h>

#include <algorithm>
#include <memory>

namespace bragglive {
namespace {

constexpr hsize_t k_chunk_rows = 1 << 15;
constexpr std::uint64_t k_read_rows = 1 << 18;

tl::unexpected<Error> unwritable(const std::string& what) {
  return fail(ErrorArea::file,
              "cannot write {}: is the disk full? Free some space and run the same command again", what);
}

tl::unexpected<Error> unreadable(const std::string& what) {
  return fail(ErrorArea::format, "{} is missing, damaged or of another kind; make the set again", what);
}

std::uint32_t add_to_crc(std::uint32_t crc, const void* bytes, std::size_t count) {
  return static_cast<std::uint32_t>(crc32_z(crc, static_cast<const unsigned char*>(bytes), count));
}

hdf5::Handle text_type() {
  hdf5::Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

hdf5::Handle link_settings() {
  hdf5::Handle links(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links.get(), 1);
  return links;
}

hdf5::Handle chunked(int rank, const hsize_t* chunk) {
  hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(creation.get(), rank, chunk);
  H5Pset_shuffle(creation.get());
  H5Pset_deflate(creation.get(), 2);
  H5Pset_obj_track_times(creation.get(), false);  // equal runs give equal files
  return creation;
}

}  // namespace

void start_hdf5() {
  H5dont_atexit();
}

Expected<GrowingColumn> GrowingColumn::create(hid_t file, const std::string& path, hid_t type,
                                              std::size_t width) {
  const hdf5::QuietErrors quiet;
  GrowingColumn column;
  column.path_ = path;
  column.width_ = width;
  column.type_ = hdf5::Handle(H5Tcopy(type));
  column.element_bytes_ = H5Tget_size(type);
  const int rank = width == 1 ? 1 : 2;
  const hsize_t none[2] = {0, width}, most[2] = {H5S_UNLIMITED, width}, chunk[2] = {k_chunk_rows, width};
  const hdf5::Handle space(H5Screate_simple(rank, none, most)), links = link_settings(),
                                                                creation = chunked(rank, chunk);
  column.dataset_ = hdf5::Handle(
      H5Dcreate2(file, path.c_str(), type, space.get(), links.get(), creation.get(), H5P_DEFAULT));
  if (!column.dataset_) return unwritable(path);
  return column;
}

Expected<void> GrowingColumn::append(const void* values, std::size_t rows) {
  if (rows == 0) return {};
  const hdf5::QuietErrors quiet;
  const int rank = width_ == 1 ? 1 : 2;
  const hsize_t all[2] = {rows_ + rows, width_}, start[2] = {rows_, 0}, count[2] = {rows, width_};
  if (H5Dset_extent(dataset_.get(), all) < 0) return unwritable(path_);
  const hdf5::Handle memory(H5Screate_simple(rank, count, nullptr)), space(H5Dget_space(dataset_.get()));
  H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, count, nullptr);
  if (H5Dwrite(dataset_.get(), type_.get(), memory.get(), space.get(), H5P_DEFAULT, values) < 0)
    return unwritable(path_);
  rows_ += rows;
  crc_ = add_to_crc(crc_, values, rows * width_ * element_bytes_);
  return {};
}

Expected<void> GrowingColumn::close() {
  auto done = write_number_attribute(dataset_.get(), "crc32", crc_);
  dataset_ = hdf5::Handle();
  return done;
}

Expected<StoredColumn> StoredColumn::open(hid_t file, const std::string& path, hid_t type,
                                          std::size_t width) {
  const hdf5::QuietErrors quiet;
  StoredColumn column;
  column.path_ = path;
  column.width_ = width;
  column.dataset_ = hdf5::Handle(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  if (!column.dataset_) return unreadable(path);
  const hdf5::Handle stored(H5Dget_type(column.dataset_.get())), space(H5Dget_space(column.dataset_.get()));
  hsize_t dims[2] = {0, 1};
  if (H5Sget_simple_extent_ndims(space.get()) != (width == 1 ? 1 : 2)) return unreadable(path);
  H5Sget_simple_extent_dims(space.get(), dims, nullptr);
  if (H5Tequal(stored.get(), type) <= 0 || (width > 1 && dims[1] != width)) return unreadable(path);
  column.type_ = hdf5::Handle(H5Tcopy(type));
  column.element_bytes_ = H5Tget_size(type);
  column.rows_ = dims[0];
  return column;
}

Expected<void> StoredColumn::read(std::uint64_t first, std::uint64_t rows, void* values) const {
  if (rows == 0) return {};
  const hdf5::QuietErrors quiet;
  const hsize_t start[2] = {first, 0}, count[2] = {rows, width_};
  const hdf5::Handle memory(H5Screate_simple(width_ == 1 ? 1 : 2, count, nullptr)),
      space(H5Dget_space(dataset_.get()));
  if (first + rows > rows_ ||
      H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, count, nullptr) < 0 ||
      H5Dread(dataset_.get(), type_.get(), memory.get(), space.get(), H5P_DEFAULT, values) < 0)
    return unreadable(path_);
  return {};
}

Expected<void> StoredColumn::check() const {
  const auto expected = read_number_attribute(dataset_.get(), "crc32");
  if (!expected) return fail(ErrorArea::format, "{} has no checksum", path_);
  std::vector<unsigned char> bytes(std::min(rows_, k_read_rows) * width_ * element_bytes_);
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < rows_; at += k_read_rows) {
    const std::uint64_t rows = std::min(k_read_rows, rows_ - at);
    if (auto ok = read(at, rows, bytes.data()); !ok) return ok;
    crc = add_to_crc(crc, bytes.data(), rows * width_ * element_bytes_);
  }
  if (crc != *expected)
    return fail(ErrorArea::format, "{}: the checksum does not match; the file is damaged", path_);
  return {};
}

Expected<void> write_strings(hid_t file, const std::string& path, const std::vector<std::string>& texts) {
  const hdf5::QuietErrors quiet;
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  const hsize_t count[1] = {texts.size()}, chunk[1] = {std::clamp<hsize_t>(texts.size(), 1, 4096)};
  const hdf5::Handle type = text_type(), space(H5Screate_simple(1, count, nullptr)), links = link_settings(),
                     creation = chunked(1, chunk);
  const hdf5::Handle dataset(
      H5Dcreate2(file, path.c_str(), type.get(), space.get(), links.get(), creation.get(), H5P_DEFAULT));
  if (!dataset || (!texts.empty() &&
                   H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0))
    return unwritable(path);
  return {};
}

Expected<void> write_text_attribute(hid_t file, const std::string& name, const std::string& text) {
  const hdf5::QuietErrors quiet;
  const hdf5::Handle type = text_type(), space(H5Screate(H5S_SCALAR));
  const hdf5::Handle attribute(
      H5Acreate2(file, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
  const char* value = text.c_str();
  if (!attribute || H5Awrite(attribute.get(), type.get(), &value) < 0) return unwritable("attribute " + name);
  return {};
}

Expected<void> write_number_attribute(hid_t object, const std::string& name, std::uint64_t value) {
  const hdf5::QuietErrors quiet;
  const hdf5::Handle space(H5Screate(H5S_SCALAR));
  const hdf5::Handle attribute(
      H5Acreate2(object, name.c_str(), H5T_STD_U64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), H5T_NATIVE_UINT64, &value) < 0)
    return unwritable("attribute " + name);
  return {};
}

Expected<std::string> read_text_attribute(hid_t file, const std::string& name) {
  const hdf5::QuietErrors quiet;
  const hdf5::Handle attribute(H5Aopen(file, name.c_str(), H5P_DEFAULT)), type = text_type();
  if (!attribute) return unreadable("attribute " + name);
  const hdf5::Handle stored(H5Aget_type(attribute.get())), space(H5Aget_space(attribute.get()));
  char* value = nullptr;
  if (H5Tis_variable_str(stored.get()) <= 0 || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Aread(attribute.get(), type.get(), &value) < 0 || value == nullptr)
    return unreadable("attribute " + name);
  std::string text = value;
  H5free_memory(value);
  return text;
}

Expected<std::uint64_t> read_number_attribute(hid_t object, const std::string& name) {
  const hdf5::QuietErrors quiet;
  const hdf5::Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT));
  if (!attribute) return unreadable("attribute " + name);
  const hdf5::Handle stored(H5Aget_type(attribute.get())), space(H5Aget_space(attribute.get()));
  std::uint64_t value = 0;
  if (H5Tget_class(stored.get()) != H5T_INTEGER || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Aread(attribute.get(), H5T_NATIVE_UINT64, &value) < 0)
    return unreadable("attribute " + name);
  return value;
}

}  // namespace bragglive
