// Writes one HDF5 file so that its name never stands for half a file: beside the target first, renamed when
// complete.
#pragma once
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "core/frame/error.hpp"
#include "core/hdf5/handle.hpp"

namespace bragglive::hdf5 {

using Dims = std::vector<hsize_t>;

class Writer {
 public:
  // For files larger than memory: HDF5 writes as it goes.
  static Expected<Writer> create(const std::filesystem::path& target, hid_t access = H5P_DEFAULT);
  // Built in memory and written by commit() in one go. HDF5 1.10 cannot let go of a dataset that a full disk
  // kept it from flushing: a program that must go on after a full disk writes its results this way.
  static Expected<Writer> create_in_memory(const std::filesystem::path& target);
  Writer(Writer&&) noexcept = default;
  Writer& operator=(Writer&&) noexcept = default;
  ~Writer();  // without commit(): the unfinished file is removed

  // Row-major values, chunked by the last axes and compressed (shuffle + deflate 1). Groups on the way are
  // made.
  template <class T>
  Expected<void> dataset(const std::string& path, std::span<const T> values, const Dims& dims) {
    return write_dataset(path, native_type<T>(), values.data(), values.size(), dims);
  }
  // On `object` ("/" or a path that exists).
  Expected<void> attribute(const std::string& object, const std::string& name, const std::string& text);
  Expected<void> attribute(const std::string& object, const std::string& name, double value);
  Expected<void> attribute(const std::string& object, const std::string& name, std::int64_t value);

  // Flushes and takes the target's name. Fails when the disk is full: then the target is untouched.
  Expected<void> commit();
  hid_t file() const { return file_.get(); }

 private:
  Writer(Handle file, std::filesystem::path target, std::filesystem::path part, bool in_memory);
  Expected<void> write_image();
  Expected<void> write_dataset(const std::string& path, hid_t type, const void* values, std::size_t count,
                               const Dims& dims);
  Expected<void> write_attribute(const std::string& object, const std::string& name, hid_t type,
                                 const void* value);
  tl::unexpected<Error> failed(const std::string& what) const;

  Handle file_;
  std::filesystem::path target_;
  std::filesystem::path part_;
  bool in_memory_;
};

}  // namespace bragglive::hdf5
