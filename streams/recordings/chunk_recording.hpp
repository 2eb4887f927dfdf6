// HDF5 data whose chunks are whole frames packed by bitshuffle + LZ4 (filter 32008) or LZ4 (32004): chunks
// are read raw and become payloads, so that they are decoded in parallel, by our own decoder, without any
// HDF5 plugin.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/hdf5/handle.hpp"
#include "streams/recordings/recording.hpp"

namespace bragglive {

// One dataset of (n, rows, cols) or (R, C, rows, cols) frames, with chunks of one frame.
struct ChunkedFrames {
  hdf5::Handle dataset;
  std::size_t scan_axes = 1;
  std::uint64_t frames = 0, cols = 0;  // cols: of the last scan axis
  std::uint64_t first = 0;             // of the dataset's frames that are used
  FrameShape frame;
  PixelType pixel = PixelType::u16;
  Encoding encoding = Encoding::bslz4;
  bool growing = false;  // has its frames only in the end
};

// nullopt: not packed like that, another reader is right.
std::optional<ChunkedFrames> as_chunked_frames(hdf5::Handle& dataset);

// The segment behind those that were there, once its file has come.
using NextSegment = std::function<std::optional<ChunkedFrames>()>;

// Segments follow each other; a growing one stands alone. `info` has format, scan, path and metadata, and
// with `next` the frames that there will be; the rest is filled in here.
std::unique_ptr<Recording> make_chunk_recording(hdf5::Handle file, std::vector<ChunkedFrames> segments,
                                                RecordingInfo info, NextSegment next = {});

// A virtual dataset (n, rows, cols) or (n, channels, rows, cols), as DECTRIS' NXmx files have it since 2024:
// its sources, one behind the other, of the channel that is wanted ("threshold_1" or a number from 1).
// nullptr: no virtual dataset.
Expected<std::unique_ptr<Recording>> open_virtual(const std::filesystem::path& file, hdf5::Handle& handle,
                                                  const std::string& path, const std::string& channel);

// A DECTRIS master file (/entry/data/data_000001 … link to the data files). nullptr: it is none. The scan's
// shape comes from the file that ARINA writes beside it (NAME.h5 for NAME_master.h5, "STEM Metadata"). While
// it is followed, data files may come later than it.
Expected<std::unique_ptr<Recording>> open_dectris_master(const std::filesystem::path& file,
                                                         hdf5::Handle& handle,
                                                         const RecordingOptions& options);

}  // namespace bragglive
