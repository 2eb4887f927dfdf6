// The frames of a scan as they came, in HDF5 that py4DSTEM and h5py open: compressed frames become chunks of
// the filters 32008 (bslz4) and 32004 (lz4) without being packed anew.
#pragma once
#include <span>
#include <vector>

#include "core/frame/error.hpp"
#include "core/hdf5/handle.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

class RawCube {
 public:
  // /datacube_root/datacube/data in `file`, which should be created with raw_cube_access().
  static Expected<RawCube> create(hid_t file, const ScanStart& scan);
  // One frame in the scan's encoding, in any order. One that can be none (too long, a raw one of the wrong
  // size) is an error and leaves the file as it is.
  Expected<void> write(std::uint64_t index, std::span<const std::byte> payload);
  // Of the last failure of write(): true, the disk would not take it.
  bool disk_failed() const { return disk_failed_; }

 private:
  RawCube(hdf5::Handle dataset, const ScanStart& scan);
  Expected<std::span<const std::byte>> as_chunk(std::span<const std::byte> payload);

  hdf5::Handle dataset_;
  ScanShape scan_;
  FrameShape frame_;
  PixelType pixel_;
  Encoding encoding_;
  std::vector<std::byte> scratch_;
  bool disk_failed_ = false;
};

// HDF5 1.10's format: its index of chunks has a fixed size, so that the millionth frame is written as fast as
// the first.
hdf5::Handle raw_cube_access();

}  // namespace bragglive
