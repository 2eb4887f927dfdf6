// HDF5 data whose chunks are whole frames packed by bitshuffle + LZ4 (filter 32008) or LZ4 (32004): chunks
// are read raw and become payloads, so that they are decoded in parallel, by our own decoder, without any
// HDF5 plugin.
#pragma once
#include <filesystem>
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
  FrameShape frame;
  PixelType pixel = PixelType::u16;
  Encoding encoding = Encoding::bslz4;
};

// nullopt: not packed like that, another reader is right.
std::optional<ChunkedFrames> as_chunked_frames(hdf5::Handle& dataset);

// Frames that are no positions: before the scan, and at the end of each line.
struct Layover {
  std::uint64_t lead_in = 0, per_line = 0;
};

// Segments follow each other. `info` has format, scan and metadata; the rest is filled in here.
std::unique_ptr<Recording> make_chunk_recording(hdf5::Handle file, std::vector<ChunkedFrames> segments,
                                                RecordingInfo info, Layover layover);

// A DECTRIS master file (/entry/data/data_000001 … link to the data files). nullptr: it is none. The scan's
// shape comes from the file that ARINA writes beside it (NAME.h5 for NAME_master.h5, "STEM Metadata").
Expected<std::unique_ptr<Recording>> open_dectris_master(const std::filesystem::path& file,
                                                         hdf5::Handle& handle, const LogSink& log);

}  // namespace bragglive
