// Decoded frames into a file that others open: .npy, or HDF5 laid out as py4DSTEM's EMD 1.0.
#pragma once
#include <filesystem>
#include <memory>
#include <span>

#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"
#include "core/frame/scan_geometry.hpp"

namespace bragglive {

// The file has its full size and zeros from the beginning; it takes its name when it is complete.
class FrameWriter {
 public:
  virtual ~FrameWriter() = default;
  // index < scan.positions(); pixels: frame.bytes() native-endian. In any order.
  virtual Expected<void> write(std::uint64_t index, std::span<const std::byte> pixels) = 0;
  // Without it the file disappears.
  virtual Expected<void> commit() = 0;
};

// By the name's ending: .npy ((n, rows, cols) for a scan of one row, else (R, C, rows, cols)) or
// .h5/.hdf5/.emd.
Expected<std::unique_ptr<FrameWriter>> create_frame_writer(const std::filesystem::path& file, ScanShape scan,
                                                           FrameShape frame, PixelType pixel);

}  // namespace bragglive
