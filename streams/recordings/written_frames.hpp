// How many frames of a dataset that somebody is writing are there already.
#pragma once
#include <cstdint>
#include <vector>

#include "core/hdf5/handle.hpp"

namespace bragglive {

// A chunked dataset (n, rows, cols) or (R, C, rows, cols) that grows, or that has its full shape and is
// filled frame by frame. A frame is there when the dataset reaches so far and its chunk has been written.
// Chunks of several frames are whole when the next one has begun, or when nothing more comes.
class WrittenFrames {
 public:
  // `frames`: that are expected in the end.
  WrittenFrames(hid_t dataset, std::vector<std::uint64_t> chunk, std::uint64_t frames);
  // Asks the file. Never less than before. `settled`: nothing has come for long.
  std::uint64_t count(bool settled);

 private:
  bool written(std::uint64_t frame) const;

  const hid_t dataset_;  // its owner lives longer
  const std::vector<std::uint64_t> chunk_;
  const std::uint64_t frames_;
  std::uint64_t count_ = 0;
  std::vector<hsize_t> shape_;
};

}  // namespace bragglive
