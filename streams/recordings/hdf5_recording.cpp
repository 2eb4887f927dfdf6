// Scans in HDF5: contiguous data is mapped, chunked data is read block by block through the library.
#include <array>
#include <utility>

#include "streams/recordings/chunk_recording.hpp"
#include "streams/recordings/counted.hpp"
#include "streams/recordings/emd_layout.hpp"
#include "streams/recordings/flat_recording.hpp"
#include "streams/recordings/hdf5_layout.hpp"
#include "streams/recordings/scan_blocks.hpp"
#include "streams/recordings/written_frames.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_block_bytes = std::size_t{64} << 20;  // read at once, at most
constexpr std::size_t k_small_block_bytes = std::size_t{1}
                                            << 20;  // and at least, where the scan is that long
constexpr std::size_t k_max_chunk_cache = std::size_t{512} << 20;
constexpr std::size_t k_chunk_slots = 100'003;

struct Piece {
  std::shared_ptr<const std::vector<std::byte>> block;
  std::size_t offset, size;
};

class Hdf5Recording final : public Recording {
 public:
  Hdf5Recording(RecordingInfo info, hdf5::Handle file, hdf5::Handle dataset, bool one_scan_axis,
                bool no_scan_axis, ScanShape block, const std::vector<std::uint64_t>& growing_chunk)
      : file_(std::move(file)),
        dataset_(std::move(dataset)),
        one_scan_axis_(one_scan_axis),
        no_scan_axis_(no_scan_axis),
        blocks_(info.scan, block) {
    info_ = std::move(info);
    if (!growing_chunk.empty()) growing_.emplace(dataset_.get(), growing_chunk, info_.frames);
  }

  std::uint64_t frame_at(std::uint64_t step) const override {
    return index_of(info_.scan, blocks_.position_at(step));
  }

  std::optional<std::uint64_t> written(bool settled) override {
    return growing_ ? std::optional(growing_->count(settled)) : std::nullopt;
  }

  Expected<Payload> read(std::uint64_t frame) override {
    const ScanPosition at = position_of(info_.scan, frame);
    if (!pixels_ || !block_.contains(at)) {
      pixels_.reset();
      const ScanBlock block = blocks_.block_of(at);
      auto pixels = read_block(block);
      if (!pixels) return tl::unexpected(pixels.error());
      block_ = block;
      pixels_ = std::make_shared<const std::vector<std::byte>>(std::move(*pixels));
    }
    const std::size_t inside = std::size_t{at.row - block_.row} * block_.cols + (at.col - block_.col);
    return Payload(
        Piece{pixels_, inside * frame_bytes(), frame_bytes()}, +[](const Piece& piece) {
          return std::span<const std::byte>(*piece.block).subspan(piece.offset, piece.size);
        });
  }

  Expected<Payload> read_again(std::uint64_t frame) const override {
    if (frame >= info_.frames) return fail(ErrorArea::usage, "frame {} of {}", frame, info_.frames);
    const ScanPosition at = position_of(info_.scan, frame);
    auto pixels = read_block({at.row, at.col, 1, 1});
    if (!pixels) return tl::unexpected(pixels.error());
    return own(std::move(*pixels));
  }

 private:
  std::size_t frame_bytes() const { return info_.frame.pixels() * bytes_per_pixel(info_.pixel); }

  Expected<std::vector<std::byte>> read_block(const ScanBlock& block) const {
    const hdf5::QuietErrors quiet;
    std::vector<std::byte> pixels(std::size_t{block.rows} * block.cols * frame_bytes());
    const std::array<hsize_t, 4> first = {block.row, block.col, 0, 0};
    const std::array<hsize_t, 4> count = {block.rows, block.cols, info_.frame.rows, info_.frame.cols};
    const std::size_t skip = no_scan_axis_ ? 2 : one_scan_axis_ ? 1 : 0;
    const hdf5::Handle in_file(H5Dget_space(dataset_.get()));
    H5Sselect_hyperslab(in_file.get(), H5S_SELECT_SET, first.data() + skip, nullptr, count.data() + skip,
                        nullptr);
    const hdf5::Handle in_memory(H5Screate_simple(4, count.data(), nullptr));
    if (H5Dread(dataset_.get(), hdf5::type_of(info_.pixel), in_memory.get(), in_file.get(), H5P_DEFAULT,
                pixels.data()) < 0)
      return fail(
          ErrorArea::format,
          "cannot read frames {} to {} of {}: the file is damaged or uses a filter that is not installed",
          index_of(info_.scan, {block.row, block.col}),
          index_of(info_.scan, {block.row + block.rows - 1, block.col + block.cols - 1}), info_.format);
    return pixels;
  }

  const hdf5::Handle file_, dataset_;
  const bool one_scan_axis_, no_scan_axis_;
  const ScanBlocks blocks_;
  std::optional<WrittenFrames> growing_;
  ScanBlock block_;
  std::shared_ptr<const std::vector<std::byte>> pixels_;
};

// The scan positions of one chunk, cut down or filled up to a sensible size.
ScanShape block_shape(const hdf5::DatasetLayout& layout, const RecordingInfo& info) {
  const std::size_t frame_bytes = info.frame.pixels() * bytes_per_pixel(info.pixel);
  std::uint64_t rows = 1, cols = 1;
  if (layout.chunk.size() == 4) rows = layout.chunk[0], cols = layout.chunk[1];
  if (layout.chunk.size() == 3) cols = layout.chunk[0];
  rows = std::clamp<std::uint64_t>(rows, 1, info.scan.rows);
  cols = std::clamp<std::uint64_t>(cols, 1, info.scan.cols);
  const std::uint64_t step = cols;
  while (rows == 1 && rows * cols * frame_bytes < k_small_block_bytes && cols < info.scan.cols) cols += step;
  const std::uint64_t most = std::max<std::uint64_t>(k_block_bytes / frame_bytes, 1);
  cols = std::min({cols, most, std::uint64_t{info.scan.cols}});
  rows = std::clamp<std::uint64_t>(most / cols, 1, rows);
  return {static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(cols)};
}

// All chunks that one frame touches, for a whole chunk of the scan: what the cache has to hold so that none
// is inflated twice.
std::size_t chunk_cache_bytes(const hdf5::DatasetLayout& layout) {
  if (layout.chunk.empty()) return 0;
  std::uint64_t bytes = layout.format.bytes;
  for (std::size_t axis = 0; axis < layout.chunk.size(); ++axis) {
    const bool detector = axis + 2 >= layout.chunk.size();
    const std::uint64_t chunk = std::max<std::uint64_t>(layout.chunk[axis], 1);
    const std::uint64_t extent = detector ? (layout.shape[axis] + chunk - 1) / chunk * chunk : chunk;
    if (extent > k_max_chunk_cache || bytes * extent > k_max_chunk_cache) return k_max_chunk_cache;
    bytes *= extent;
  }
  return bytes;
}

// Read-only; a file that somebody writes for readers (SWMR) can be opened only as such, and is followed.
hdf5::Handle open_file(const std::filesystem::path& file, bool& follow, const LogSink& log) {
  hdf5::Handle plain(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  if (plain) return plain;
  hdf5::Handle shared(H5Fopen(file.c_str(), H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, H5P_DEFAULT));
  if (shared && !follow && log)
    log(LogLevel::warning,
        fmt::format("{} is still being written: its frames are taken as they come", file.string()));
  follow = follow || shared;
  return shared;
}

// The shape that the dataset will have. One that has reached its largest shape is filled, or will be.
Expected<void> use_final_shape(const hdf5::Handle& dataset, const RecordingOptions& options,
                               hdf5::DatasetLayout& layout, const std::string& name) {
  const hdf5::Handle space(H5Dget_space(dataset.get()));
  std::array<hsize_t, H5S_MAX_RANK> now{}, most{};
  H5Sget_simple_extent_dims(space.get(), now.data(), most.data());
  const std::uint64_t cols = layout.shape.size() == 4 ? layout.shape[1] : 1;
  const bool fixed = most[0] != H5S_UNLIMITED && most[0] <= k_max_scan_positions && cols != 0 &&
                     cols <= k_max_scan_positions;
  const auto frames = frames_to_come(options, fixed ? most[0] * cols : 0, name);
  if (!frames) return tl::unexpected(frames.error());
  layout.shape[0] = cols == 0 ? 0 : *frames / cols;
  return {};
}

}  // namespace

Expected<std::unique_ptr<Recording>> open_hdf5(const std::filesystem::path& file,
                                               const RecordingOptions& options) {
  const hdf5::QuietErrors quiet;
  hbool_t thread_safe = false;
  H5is_library_threadsafe(&thread_safe);
  if (!thread_safe)
    return fail(ErrorArea::file,
                "the HDF5 library here is not thread-safe; install the distribution's own package");
  bool follow = options.follow;
  hdf5::Handle handle = open_file(file, follow, options.log);
  if (!handle)
    return fail(ErrorArea::format, "cannot open {} as HDF5: it is damaged, cut short, or being written",
                file.string());
  if (options.dataset.empty()) {
    RecordingOptions with = options;
    with.follow = follow;
    auto master = open_dectris_master(file, handle, with);
    if (!master || *master) return master;
  }
  if (options.dataset.empty()) {
    auto counted = open_counted(file, handle);
    if (!counted || *counted) return counted;
  }
  auto path = hdf5::find_scan_dataset(handle.get(), file.string(), options.dataset);
  if (!path) return tl::unexpected(path.error());
  if (auto virtual_one = open_virtual(file, handle, *path, options.channel); !virtual_one || *virtual_one)
    return virtual_one;
  hdf5::Handle dataset(H5Dopen2(handle.get(), path->c_str(), H5P_DEFAULT));
  if (!dataset) return fail(ErrorArea::format, "cannot open {} in {}", *path, file.string());
  auto layout = hdf5::layout_of(dataset.get(), *path);
  if (!layout) return tl::unexpected(layout.error());
  const std::string name = file.string() + ":" + *path;
  follow = follow && layout->shape.size() >= 3 && !layout->chunk.empty();
  if (follow)
    if (auto used = use_final_shape(dataset, options, *layout, name); !used)
      return tl::unexpected(used.error());
  auto info = info_of_shape(layout->shape, *layout->format.pixel_type(), name);
  if (!info) return tl::unexpected(info.error());
  info->format = "HDF5 dataset " + *path;
  info->metadata = hdf5::attributes_of(dataset.get());
  // Of a recording that was made while it was labelled.
  if (const auto root = hdf5::attributes_of(handle.get()); root.contains("calibration"))
    info->metadata["calibration"] = root.at("calibration");

  if (layout->offset && layout->filters.empty()) {
    auto mapped = MappedFile::open(file);
    if (!mapped) return tl::unexpected(mapped.error());
    const FlatLayout flat{*layout->offset, info->frame.pixels() * layout->format.bytes, layout->format};
    return open_flat(std::move(*mapped), std::move(*info), flat, name);
  }
  if (auto chunked = as_chunked_frames(dataset)) {
    std::vector<ChunkedFrames> segments;
    if (follow) chunked->frames = info->frames;
    chunked->growing = follow;
    segments.push_back(std::move(*chunked));
    return make_chunk_recording(std::move(handle), std::move(segments), std::move(*info));
  }
  const hdf5::Handle access(H5Pcreate(H5P_DATASET_ACCESS));
  H5Pset_chunk_cache(access.get(), k_chunk_slots, std::max(chunk_cache_bytes(*layout), std::size_t{1} << 20),
                     1.0);
  dataset = hdf5::Handle();  // the cache is chosen when a dataset is opened
  dataset = hdf5::Handle(H5Dopen2(handle.get(), path->c_str(), access.get()));
  if (!dataset) return fail(ErrorArea::format, "cannot open {} in {}", *path, file.string());
  const ScanShape block = follow ? ScanShape{1, 1} : block_shape(*layout, *info);
  return std::make_unique<Hdf5Recording>(std::move(*info), std::move(handle), std::move(dataset),
                                         layout->shape.size() == 3, layout->shape.size() == 2, block,
                                         follow ? layout->chunk : std::vector<std::uint64_t>{});
}

}  // namespace bragglive
