// Which dataset of an HDF5 file is the scan, and how its pixels are stored.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/frame/error.hpp"
#include "core/hdf5/handle.hpp"
#include "streams/recordings/pixel_format.hpp"

namespace bragglive::hdf5 {

struct DatasetLayout {
  std::string path;
  std::vector<std::uint64_t> shape;  // 2 to 4 axes, the last two are the detector's
  std::vector<std::uint64_t> chunk;  // empty = contiguous
  PixelFormat format;
  std::optional<std::uint64_t> offset;  // of contiguous, unfiltered data in the file
  std::vector<H5Z_filter_t> filters;
};

// Empty text: none (a compound, a string, …).
std::optional<PixelFormat> pixel_format_of(hid_t type);
Expected<DatasetLayout> layout_of(hid_t dataset, const std::string& path);

// The dataset to read. `wanted` names it; without it the file's layout does: py4DSTEM/EMD data cubes, fpd
// files, otherwise the only 4-D dataset, otherwise the only 3-D one. Several: an error that lists them.
Expected<std::string> find_scan_dataset(hid_t file, const std::string& name, const std::string& wanted);

// A dataset of one text or number as text; empty for anything else.
std::string scalar_text(hid_t dataset);

// Scalar attributes of an object as text.
std::map<std::string, std::string> attributes_of(hid_t object);

}  // namespace bragglive::hdf5
