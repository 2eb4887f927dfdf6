// Columns of the data set file: what stands where, how it grows, how it is read back; internal to
// dataset_file.cpp.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/frame/error.hpp"
#include "core/hdf5/handle.hpp"

namespace bragglive {

// Before the first call into HDF5. Its version 1.10 crashes when it closes, at the program's exit, a data set
// that could not be flushed to a full disk; everything is closed here, so that it needs no exit handler. (No
// effect where a host has started the library before.)
void start_hdf5();

// A growing one- or two-dimensional numeric data set with a running CRC-32 of its values.
class GrowingColumn {
 public:
  // width 1: shape (n); otherwise (n, width).
  static Expected<GrowingColumn> create(hid_t file, const std::string& path, hid_t type, std::size_t width);
  // `values` holds rows * width elements.
  Expected<void> append(const void* values, std::size_t rows);
  Expected<void> close();  // writes the checksum

 private:
  std::string path_;
  hdf5::Handle dataset_, type_;
  std::size_t width_ = 1, element_bytes_ = 0;
  std::uint64_t rows_ = 0;
  std::uint32_t crc_ = 0;
};

// A column of an existing file.
class StoredColumn {
 public:
  // Fails unless it is there with this type class and width.
  static Expected<StoredColumn> open(hid_t file, const std::string& path, hid_t type, std::size_t width);
  std::uint64_t rows() const { return rows_; }
  Expected<void> read(std::uint64_t first, std::uint64_t rows, void* values) const;
  // Reads everything in blocks, compares with the stored checksum.
  Expected<void> check() const;

 private:
  std::string path_;
  hdf5::Handle dataset_, type_;
  std::size_t width_ = 1, element_bytes_ = 0;
  std::uint64_t rows_ = 0;
};

Expected<void> write_strings(hid_t file, const std::string& path, const std::vector<std::string>& texts);
Expected<void> write_text_attribute(hid_t file, const std::string& name, const std::string& text);
Expected<void> write_number_attribute(hid_t object, const std::string& name, std::uint64_t value);
Expected<std::string> read_text_attribute(hid_t file, const std::string& name);
Expected<std::uint64_t> read_number_attribute(hid_t object, const std::string& name);

}  // namespace bragglive
