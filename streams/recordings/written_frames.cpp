#include "streams/recordings/written_frames.hpp"

#include <algorithm>

namespace bragglive {

WrittenFrames::WrittenFrames(hid_t dataset, std::vector<std::uint64_t> chunk, std::uint64_t frames)
    : dataset_(dataset), chunk_(std::move(chunk)), frames_(frames), shape_(chunk_.size()) {}

bool WrittenFrames::written(std::uint64_t frame) const {
  const bool two_axes = chunk_.size() == 4;
  const std::uint64_t cols = two_axes ? shape_[1] : 1;
  if (cols == 0 || frame / cols >= shape_[0]) return false;
  std::vector<hsize_t> offset(chunk_.size(), 0);
  offset[0] = frame / cols / chunk_[0] * chunk_[0];
  if (two_axes) offset[1] = frame % cols / chunk_[1] * chunk_[1];
  hsize_t bytes = 0;
  return H5Dget_chunk_storage_size(dataset_, offset.data(), &bytes) >= 0 && bytes != 0;
}

std::uint64_t WrittenFrames::count(bool settled) {
  const hdf5::QuietErrors quiet;
  if (count_ == frames_) return count_;
  H5Drefresh(dataset_);
  const hdf5::Handle space(H5Dget_space(dataset_));
  if (H5Sget_simple_extent_ndims(space.get()) != static_cast<int>(shape_.size())) return count_;
  H5Sget_simple_extent_dims(space.get(), shape_.data(), nullptr);
  const std::uint64_t lines = shape_.size() == 4 ? chunk_[0] : 1;
  // From a frame to the same place of the chunk that is filled next.
  const std::uint64_t next = lines > 1 ? lines * shape_[1] : shape_.size() == 4 ? chunk_[1] : chunk_[0];
  while (count_ < frames_ && written(count_) && (next <= 1 || settled || written(count_ + next))) ++count_;
  return count_;
}

}  // namespace bragglive
