#include "streams/recordings/flat_recording.hpp"

namespace bragglive {
namespace {

class FlatRecording final : public Recording {
 public:
  FlatRecording(std::shared_ptr<const MappedFile> file, RecordingInfo info, const FlatLayout& layout)
      : file_(std::move(file)), layout_(layout), bytes_(info.frame.pixels() * layout.format.bytes) {
    info_ = std::move(info);
  }

  Expected<Payload> read(std::uint64_t frame) override { return read_again(frame); }

  std::optional<std::uint64_t> written(bool) override {
    if (!layout_.growing) return std::nullopt;
    const std::size_t size = file_->size_now();
    if (size < layout_.first_byte + bytes_) return 0;
    return std::min<std::uint64_t>((size - layout_.first_byte - bytes_) / layout_.stride + 1, info_.frames);
  }

  Expected<Payload> read_again(std::uint64_t frame) const override {
    if (frame >= info_.frames) return fail(ErrorArea::usage, "frame {} of {}", frame, info_.frames);
    std::vector<std::byte> stored(bytes_);
    if (auto copied = file_->copy(offset_of(frame), stored); !copied) return tl::unexpected(copied.error());
    if (layout_.format.native()) return own(std::move(stored));
    std::vector<std::byte> pixels(info_.frame.pixels() * bytes_per_pixel(info_.pixel));
    convert_pixels(layout_.format, stored, pixels);
    return own(std::move(pixels));
  }

 private:
  std::size_t offset_of(std::uint64_t frame) const { return layout_.first_byte + frame * layout_.stride; }

  const std::shared_ptr<const MappedFile> file_;
  const FlatLayout layout_;
  const std::size_t bytes_;  // of a frame in the file
};

}  // namespace

Expected<std::unique_ptr<Recording>> open_flat(std::shared_ptr<const MappedFile> file, RecordingInfo info,
                                               const FlatLayout& layout, const std::string& name) {
  const std::size_t size = file->bytes().size();
  const std::size_t frame_bytes = info.frame.pixels() * layout.format.bytes;
  // All factors are capped (positions 2^26, frame 2^28 bytes), so that this cannot overflow.
  const std::size_t needed = layout.first_byte + (info.frames - 1) * layout.stride + frame_bytes;
  if (size < needed && !layout.growing) {
    const std::size_t whole = size < layout.first_byte + frame_bytes
                                  ? 0
                                  : (size - layout.first_byte - frame_bytes) / layout.stride + 1;
    return fail(ErrorArea::format,
                "{} is cut short: {} frames of {}x{} need {} bytes, it has {} ({} whole frames)", name,
                info.frames, info.frame.rows, info.frame.cols, needed, size, whole);
  }
  return std::make_unique<FlatRecording>(std::move(file), std::move(info), layout);
}

Expected<RecordingInfo> info_of_shape(std::span<const std::uint64_t> shape, PixelType pixel,
                                      const std::string& name) {
  if (shape.size() < 2 || shape.size() > 4)
    return fail(ErrorArea::shape,
                "{} has {} dimensions; a recording has (rows, cols), (n, rows, cols) or (R, C, rows, cols)",
                name, shape.size());
  const std::uint64_t rows = shape[shape.size() - 2], cols = shape[shape.size() - 1];
  if (rows == 0 || cols == 0 || rows > k_max_detector_side || cols > k_max_detector_side)
    return fail(ErrorArea::shape, "{}: frames of {}x{} pixels are not between 1 and {} a side", name, rows,
                cols, k_max_detector_side);
  const std::uint64_t scan_rows = shape.size() == 4 ? shape[0] : 1;
  const std::uint64_t scan_cols = shape.size() == 4 ? shape[1] : shape.size() == 3 ? shape[0] : 1;
  if (scan_rows == 0 || scan_cols == 0) return fail(ErrorArea::shape, "{} holds no frames", name);
  if (scan_rows > k_max_scan_positions || scan_cols > k_max_scan_positions ||
      scan_rows * scan_cols > k_max_scan_positions)
    return fail(ErrorArea::shape, "{}: a scan of {}x{} positions is larger than {}", name, scan_rows,
                scan_cols, k_max_scan_positions);
  RecordingInfo info;
  info.scan = {static_cast<std::uint32_t>(scan_rows), static_cast<std::uint32_t>(scan_cols)};
  info.scan_known = shape.size() != 3;
  info.frame = {static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(cols)};
  info.pixel = pixel;
  info.frames = scan_rows * scan_cols;
  return info;
}

}  // namespace bragglive
