#include "streams/recordings/chunk_recording.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <mutex>

#include "streams/codec/codec.hpp"
#include "streams/recordings/hdf5_layout.hpp"
#include "streams/recordings/mapped_file.hpp"
#include "streams/recordings/written_frames.hpp"

namespace bragglive {
namespace {

constexpr H5Z_filter_t k_filter_bitshuffle = 32008, k_filter_lz4 = 32004;
constexpr unsigned k_bitshuffle_lz4 = 2;

class ChunkRecording final : public Recording {
 public:
  ChunkRecording(hdf5::Handle file, std::vector<ChunkedFrames> segments, RecordingInfo info, NextSegment next)
      : file_(std::move(file)),
        segments_(std::make_move_iterator(segments.begin()), std::make_move_iterator(segments.end())),
        next_(std::move(next)) {
    info_ = std::move(info);
    const ChunkedFrames& first = segments_.front();
    if (!first.growing) return;
    std::vector<std::uint64_t> chunk(first.scan_axes, 1);
    chunk.insert(chunk.end(), {first.frame.rows, first.frame.cols});
    growing_.emplace(first.dataset.get(), std::move(chunk), first.frames);
  }

  std::optional<std::uint64_t> written(bool settled) override {
    if (growing_) return growing_->count(settled);
    if (!next_) return std::nullopt;
    std::uint64_t there = 0;
    for (const ChunkedFrames& segment : segments_) there += segment.frames;  // nobody else changes them
    while (there < info_.frames) {
      std::optional<ChunkedFrames> segment = next_();
      if (!segment) break;
      there += segment->frames;
      const std::lock_guard lock(mutex_);
      segments_.push_back(std::move(*segment));
    }
    return std::min(there, info_.frames);
  }

  Expected<Payload> read(std::uint64_t frame) override { return read_again(frame); }

  Expected<Payload> read_again(std::uint64_t position) const override {
    if (position >= info_.frames) return fail(ErrorArea::usage, "frame {} of {}", position, info_.frames);
    std::uint64_t frame = position;
    const ChunkedFrames* segment = find(frame);
    if (!segment) return fail(ErrorArea::format, "frame {} lies behind the last data file", position);
    return read_chunk(*segment, segment->first + frame, position);
  }

 private:
  // The segment that holds a frame, which is counted from its beginning then.
  const ChunkedFrames* find(std::uint64_t& frame) const {
    const std::lock_guard lock(mutex_);
    for (const ChunkedFrames& segment : segments_) {
      if (frame < segment.frames) return &segment;  // stays where it is when others are added
      frame -= segment.frames;
    }
    return nullptr;
  }

  Expected<Payload> read_chunk(const ChunkedFrames& segment, std::uint64_t frame,
                               std::uint64_t position) const {
    const hdf5::QuietErrors quiet;
    std::array<hsize_t, 4> offset{};
    if (segment.scan_axes == 2) {
      offset = {frame / segment.cols, frame % segment.cols, 0, 0};
    } else {
      offset[0] = frame;
    }
    hsize_t size = 0;
    const bool known =
        H5Dget_chunk_storage_size(segment.dataset.get(), offset.data(), &size) >= 0 && size != 0;
    if (!known || size > max_payload_bytes(segment.encoding, segment.frame, segment.pixel))
      return fail(ErrorArea::format, "frame {} has {} bytes in the file: not written, or damaged", position,
                  size);
    std::vector<std::byte> bytes(size);
    std::uint32_t filters_left_out = 0;
    if (H5Dread_chunk(segment.dataset.get(), H5P_DEFAULT, offset.data(), &filters_left_out, bytes.data()) < 0)
      return fail(ErrorArea::format, "frame {} cannot be read: the file is damaged", position);
    if (filters_left_out == 0) return own(std::move(bytes));
    std::vector<std::byte> packed;  // a frame that the writer stored unpacked
    if (auto encoded = encode_payload(segment.encoding, segment.frame, segment.pixel, bytes, packed);
        !encoded)
      return tl::unexpected(encoded.error());
    return own(std::move(packed));
  }

  const hdf5::Handle file_;
  mutable std::mutex mutex_;  // a click looks at frames while files are added
  std::deque<ChunkedFrames> segments_;
  const NextSegment next_;
  std::optional<WrittenFrames> growing_;
};

}  // namespace

std::optional<ChunkedFrames> as_chunked_frames(hdf5::Handle& dataset) {
  const auto layout = hdf5::layout_of(dataset.get(), "");
  if (!layout || layout->filters.size() != 1 || layout->chunk.size() < 3 || layout->chunk.size() > 4)
    return std::nullopt;
  const std::size_t rank = layout->shape.size();
  for (std::size_t axis = 0; axis < rank; ++axis)
    if (layout->chunk[axis] != (axis + 2 < rank ? 1 : layout->shape[axis])) return std::nullopt;
  const std::uint64_t rows = layout->shape[rank - 2], cols = layout->shape[rank - 1];
  if (!layout->format.native() || rows == 0 || cols == 0 || rows > k_max_detector_side ||
      cols > k_max_detector_side)
    return std::nullopt;
  ChunkedFrames frames;
  frames.scan_axes = rank - 2;
  frames.cols = layout->shape[rank - 3];
  if (frames.cols > k_max_scan_positions || layout->shape[0] > k_max_scan_positions) return std::nullopt;
  frames.frames = rank == 4 ? layout->shape[0] * layout->shape[1] : layout->shape[0];
  frames.frame = {static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(cols)};
  frames.pixel = *layout->format.pixel_type();
  if (layout->filters[0] == k_filter_lz4) {
    frames.encoding = Encoding::hdf5_lz4;
  } else if (layout->filters[0] == k_filter_bitshuffle) {
    const hdf5::Handle create(H5Dget_create_plist(dataset.get()));
    std::array<unsigned, 8> values{};
    std::size_t count = values.size();
    unsigned flags = 0, config = 0;
    H5Pget_filter2(create.get(), 0, &flags, &count, values.data(), 0, nullptr, &config);
    if (count < 5 || values[2] != layout->format.bytes || values[4] != k_bitshuffle_lz4) return std::nullopt;
    frames.encoding = Encoding::bslz4;
  } else {
    return std::nullopt;
  }
  frames.dataset = std::move(dataset);
  return frames;
}

std::unique_ptr<Recording> make_chunk_recording(hdf5::Handle file, std::vector<ChunkedFrames> segments,
                                                RecordingInfo info, NextSegment next) {
  info.frame = segments.front().frame;
  info.pixel = segments.front().pixel;
  info.encoding = segments.front().encoding;
  if (!next) {
    info.frames = 0;
    for (const ChunkedFrames& segment : segments) info.frames += segment.frames;
  }
  return std::make_unique<ChunkRecording>(std::move(file), std::move(segments), std::move(info),
                                          std::move(next));
}

}  // namespace bragglive
