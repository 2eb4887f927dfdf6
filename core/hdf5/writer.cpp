#include "core/hdf5/writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <system_error>

namespace bragglive::hdf5 {
namespace {

constexpr hsize_t k_chunk_elements = 1 << 16;
constexpr std::size_t k_memory_step = std::size_t{4} << 20;  // growth of a file in memory

// Whole last axes as long as a chunk stays small.
Dims chunk_of(const Dims& dims) {
  Dims chunk(dims.size(), 1);
  hsize_t elements = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    chunk[i] = std::clamp<hsize_t>(k_chunk_elements / elements, 1, dims[i]);
    elements *= chunk[i];
    if (chunk[i] < dims[i]) break;
  }
  return chunk;
}

std::filesystem::path part_of(const std::filesystem::path& target) {
  std::filesystem::path part = target;
  part += fmt::format(".part{}", ::getpid());
  return part;
}

tl::unexpected<Error> cannot_write(const std::filesystem::path& target) {
  return fail(ErrorArea::file, "cannot write {}: does the folder exist, may you write there, is there room?",
              target.string());
}

}  // namespace

Writer::Writer(Handle file, std::filesystem::path target, std::filesystem::path part, bool in_memory)
    : file_(std::move(file)), target_(std::move(target)), part_(std::move(part)), in_memory_(in_memory) {}

Expected<Writer> Writer::create(const std::filesystem::path& target, hid_t access) {
  const QuietErrors quiet;
  const std::filesystem::path part = part_of(target);
  Handle file(H5Fcreate(part.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access));
  if (!file) return cannot_write(target);
  return Writer(std::move(file), target, part, false);
}

Expected<Writer> Writer::create_in_memory(const std::filesystem::path& target) {
  const QuietErrors quiet;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fapl_core(access.get(), k_memory_step, 0);
  const std::filesystem::path part = part_of(target);
  Handle file(H5Fcreate(part.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()));
  if (!file) return fail(ErrorArea::memory, "cannot prepare {} in memory", target.string());
  return Writer(std::move(file), target, part, true);
}

Writer::~Writer() {
  if (!file_) return;
  {
    const QuietErrors quiet;
    file_ = Handle();
  }
  std::error_code ignored;
  std::filesystem::remove(part_, ignored);
}

tl::unexpected<Error> Writer::failed(const std::string& what) const {
  return fail(ErrorArea::file, "cannot write {} of {}: is the disk full?", what, target_.string());
}

Expected<void> Writer::write_dataset(const std::string& path, hid_t type, const void* values,
                                     std::size_t count, const Dims& dims) {
  const QuietErrors quiet;
  hsize_t elements = 1;
  for (hsize_t dim : dims) elements *= dim;
  if (elements != count) return fail(ErrorArea::shape, "{}: {} values do not fill the shape", path, count);
  const Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr));
  const Handle links(H5Pcreate(H5P_LINK_CREATE));
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_create_intermediate_group(links.get(), 1);
  if (count > 0) {
    const Dims chunk = chunk_of(dims);
    H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
    H5Pset_shuffle(creation.get());
    H5Pset_deflate(creation.get(), 1);
  }
  const Handle dataset(
      H5Dcreate2(file_.get(), path.c_str(), type, space.get(), links.get(), creation.get(), H5P_DEFAULT));
  if (!dataset) return failed(path);
  if (count > 0 && H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    return failed(path);
  return {};
}

Expected<void> Writer::write_attribute(const std::string& object, const std::string& name, hid_t type,
                                       const void* value) {
  const QuietErrors quiet;
  const Handle space(H5Screate(H5S_SCALAR));
  const Handle attribute(H5Acreate_by_name(file_.get(), object.c_str(), name.c_str(), type, space.get(),
                                           H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), type, value) < 0) return failed("attribute " + name);
  return {};
}

Expected<void> Writer::attribute(const std::string& object, const std::string& name,
                                 const std::string& text) {
  const Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  const char* value = text.c_str();
  // An attribute in the object header must stay below 64 KiB; a variable-length string does not count.
  return write_attribute(object, name, type.get(), &value);
}

Expected<void> Writer::attribute(const std::string& object, const std::string& name, double value) {
  return write_attribute(object, name, H5T_NATIVE_DOUBLE, &value);
}

Expected<void> Writer::attribute(const std::string& object, const std::string& name, std::int64_t value) {
  return write_attribute(object, name, H5T_NATIVE_INT64, &value);
}

Expected<void> Writer::write_image() {
  const ssize_t size = H5Fget_file_image(file_.get(), nullptr, 0);
  if (size < 0) return failed("the image");
  std::vector<char> image(static_cast<std::size_t>(size));
  if (H5Fget_file_image(file_.get(), image.data(), image.size()) != size) return failed("the image");
  std::ofstream out(part_, std::ios::binary);
  if (!out) return cannot_write(target_);
  out.write(image.data(), size);
  out.close();
  if (!out) return failed("all");
  return {};
}

Expected<void> Writer::commit() {
  {
    const QuietErrors quiet;
    if (H5Fflush(file_.get(), H5F_SCOPE_GLOBAL) < 0) return failed("the end");
    if (in_memory_)
      if (auto written = write_image(); !written) return written;
    file_ = Handle();
  }
  std::error_code error;
  std::filesystem::rename(part_, target_, error);
  if (!error) return {};
  std::filesystem::remove(part_, error);
  return fail(ErrorArea::file, "cannot give {} its name: {}", target_.string(), error.message());
}

}  // namespace bragglive::hdf5
