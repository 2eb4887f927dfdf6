// A recorded scan on disk: what it holds, and its frames by number. One reader per file format.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "core/frame/error.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

struct RecordingInfo {
  std::string format;  // "numpy", "HDF5 dataset /strip/data", …
  ScanShape scan;      // {1, frames} where the file does not know it
  bool scan_known = false;
  ScanPath path;  // frames of the file that are no positions
  FrameShape frame;
  PixelType pixel = PixelType::u16;  // of the payloads; wider or signed types of a file are converted (see
                                     // pixel_format.hpp)
  Encoding encoding = Encoding::none;
  std::uint64_t frames = 0;  // in the file
  std::map<std::string, std::string> metadata;
};

class Recording {
 public:
  virtual ~Recording() = default;
  const RecordingInfo& info() const { return info_; }

  // The scan order in which frames are read fastest: step 0 … frames - 1 -> frame number (chunked files store
  // neighbours together).
  virtual std::uint64_t frame_at(std::uint64_t step) const { return step; }
  // For one thread that goes through the steps. A frame that is damaged is an error; the others can still be
  // read.
  virtual Expected<Payload> read(std::uint64_t frame) = 0;
  // Of a file that is still being written, by the thread that reads: how many of info().frames, in the order
  // of acquisition, can be read by now; `settled`: nothing has come for long, what looks half done is all
  // there is. nullopt: the file is complete.
  virtual std::optional<std::uint64_t> written(bool settled) {
    (void)settled;
    return std::nullopt;
  }
  // For any thread, beside read(): one frame out of order.
  virtual Expected<Payload> read_again(std::uint64_t frame) const = 0;

 protected:
  RecordingInfo info_;
};

struct RecordingOptions {
  std::string dataset;                // inside an HDF5 file
  std::string channel;                // of a file with several thresholds; empty = its first
  bool follow = false;                // the file is still being written …
  std::uint64_t expected_frames = 0;  // … and will have so many frames; 0 = the file says so itself
  LogSink log;
};

// Recognises the format by the file's first bytes. "FILE.h5:/path/in/file" names a dataset too.
Expected<std::unique_ptr<Recording>> open_recording(const std::string& path, const RecordingOptions& options);

// The number of frames that a growing file will have: options.expected_frames, or what the file says. Fails
// where neither is known.
Expected<std::uint64_t> frames_to_come(const RecordingOptions& options, std::uint64_t said,
                                       const std::string& name);

// One per format, called with a file that begins as that format does.
Expected<std::unique_ptr<Recording>> open_npy(const std::filesystem::path& file,
                                              const RecordingOptions& options);
Expected<std::unique_ptr<Recording>> open_hdf5(const std::filesystem::path& file,
                                               const RecordingOptions& options);
Expected<std::unique_ptr<Recording>> open_mib(const std::filesystem::path& file,
                                              const RecordingOptions& options);
Expected<std::unique_ptr<Recording>> open_blo(const std::filesystem::path& file);
Expected<std::unique_ptr<Recording>> open_empad(const std::filesystem::path& file,
                                                const RecordingOptions& options);
Expected<std::unique_ptr<Recording>> open_tiff(const std::filesystem::path& file);

}  // namespace bragglive
