// Recordings whose frames lie uncompressed at a fixed distance from each other: .npy, .blo, contiguous HDF5.
#pragma once
#include <span>

#include "streams/recordings/mapped_file.hpp"
#include "streams/recordings/pixel_format.hpp"
#include "streams/recordings/recording.hpp"

namespace bragglive {

struct FlatLayout {
  std::size_t first_byte = 0;  // of the first frame's pixels
  std::size_t stride = 0;      // from a frame's pixels to the next one's
  PixelFormat format;
  bool growing = false;  // the file will have its frames in the end
};

// Refuses a file that is too short for its frames, unless it is growing. Native pixels are copied as they
// are, others are converted frame by frame.
Expected<std::unique_ptr<Recording>> open_flat(std::shared_ptr<const MappedFile> file, RecordingInfo info,
                                               const FlatLayout& layout, const std::string& name);

// (rows, cols), (n, rows, cols) or (R, C, rows, cols), all checked against the limits.
Expected<RecordingInfo> info_of_shape(std::span<const std::uint64_t> shape, PixelType pixel,
                                      const std::string& name);

}  // namespace bragglive
