// TIFF, one frame a page: greyscale, any layout that libtiff reads by strips or tiles.
#include <tiffio.h>

#include <cstring>
#include <mutex>
#include <vector>

#include "streams/recordings/flat_recording.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_max_pages = 1'000'000;

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

struct Page {
  FrameShape shape;
  PixelFormat format;  // as libtiff hands it out: native byte order
  friend bool operator==(const Page& a, const Page& b) {
    return a.shape == b.shape && a.format.kind == b.format.kind && a.format.bytes == b.format.bytes;
  }
};

Expected<Page> read_page(TIFF* tiff, const std::string& name) {
  std::uint32_t width = 0, height = 0;
  std::uint16_t bits = 1, samples = 1, kind = SAMPLEFORMAT_UINT;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &kind);
  if (samples != 1)
    return fail(ErrorArea::format, "{} has {} samples per pixel; frames are greyscale", name, samples);
  Page page;
  page.shape = {height, width};
  page.format.bytes = bits / 8U;
  page.format.kind = kind == SAMPLEFORMAT_IEEEFP ? PixelFormat::Kind::floating
                     : kind == SAMPLEFORMAT_INT  ? PixelFormat::Kind::signed_integer
                                                 : PixelFormat::Kind::unsigned_integer;
  if (bits % 8 != 0 || !page.format.pixel_type() ||
      (kind != SAMPLEFORMAT_UINT && kind != SAMPLEFORMAT_INT && kind != SAMPLEFORMAT_IEEEFP))
    return fail(ErrorArea::format, "{} has pixels of {} bits in sample format {}, which are not read here",
                name, bits, kind);
  return page;
}

class TiffRecording final : public Recording {
 public:
  TiffRecording(Tiff tiff, std::vector<std::uint64_t> pages, RecordingInfo info, PixelFormat format,
                std::string name)
      : tiff_(std::move(tiff)), pages_(std::move(pages)), format_(format), name_(std::move(name)) {
    info_ = std::move(info);
  }

  Expected<Payload> read(std::uint64_t frame) override { return read_again(frame); }

  Expected<Payload> read_again(std::uint64_t frame) const override {
    if (frame >= info_.frames) return fail(ErrorArea::usage, "frame {} of {}", frame, info_.frames);
    const std::scoped_lock lock(mutex_);
    if (TIFFSetSubDirectory(tiff_.get(), pages_[frame]) == 0) return damaged(frame);
    const auto page = read_page(tiff_.get(), name_);
    if (!page) return tl::unexpected(page.error());
    if (page->shape != info_.frame ||
        !(page->format.bytes == format_.bytes && page->format.kind == format_.kind))
      return fail(ErrorArea::shape, "page {} of {} has another size or pixel type than the first", frame,
                  name_);
    std::vector<std::byte> stored(info_.frame.pixels() * format_.bytes);
    if (!(TIFFIsTiled(tiff_.get()) ? read_tiles(stored) : read_strips(stored))) return damaged(frame);
    if (format_.native()) return own(std::move(stored));
    std::vector<std::byte> pixels(info_.frame.pixels() * bytes_per_pixel(info_.pixel));
    convert_pixels(format_, stored, pixels);
    return own(std::move(pixels));
  }

 private:
  tl::unexpected<Error> damaged(std::uint64_t frame) const {
    return fail(ErrorArea::format, "page {} of {} is damaged or cut short", frame, name_);
  }

  bool read_strips(std::vector<std::byte>& pixels) const {
    const std::size_t row_bytes = info_.frame.cols * format_.bytes;
    if (static_cast<std::size_t>(TIFFScanlineSize(tiff_.get())) != row_bytes) return false;
    for (std::uint32_t row = 0; row < info_.frame.rows; ++row)
      if (TIFFReadScanline(tiff_.get(), pixels.data() + row * row_bytes, row, 0) != 1) return false;
    return true;
  }

  bool read_tiles(std::vector<std::byte>& pixels) const {
    std::uint32_t width = 0, height = 0;
    TIFFGetField(tiff_.get(), TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(tiff_.get(), TIFFTAG_TILELENGTH, &height);
    if (width == 0 || height == 0 || width > 2 * k_max_detector_side || height > 2 * k_max_detector_side)
      return false;
    const std::size_t tile_row = width * format_.bytes;
    std::vector<std::byte> tile(tile_row * height);
    if (static_cast<std::size_t>(TIFFTileSize(tiff_.get())) != tile.size()) return false;
    for (std::uint32_t top = 0; top < info_.frame.rows; top += height)
      for (std::uint32_t left = 0; left < info_.frame.cols; left += width) {
        if (TIFFReadTile(tiff_.get(), tile.data(), left, top, 0, 0) < 0) return false;
        const std::size_t cols = std::min(width, info_.frame.cols - left) * format_.bytes;
        for (std::uint32_t row = 0; row < std::min(height, info_.frame.rows - top); ++row)
          std::memcpy(pixels.data() + (std::size_t{top + row} * info_.frame.cols + left) * format_.bytes,
                      tile.data() + row * tile_row, cols);
      }
    return true;
  }

  const Tiff tiff_;
  const std::vector<std::uint64_t> pages_;  // where each page's directory lies
  const PixelFormat format_;
  const std::string name_;
  mutable std::mutex mutex_;
};

// libtiff's messages go to stderr through a global handler; a library keeps quiet and returns its errors.
void quiet_tiff() {
  TIFFSetErrorHandler(nullptr);
  TIFFSetWarningHandler(nullptr);
}

}  // namespace

Expected<std::unique_ptr<Recording>> open_tiff(const std::filesystem::path& file) {
  quiet_tiff();
  Tiff tiff(TIFFOpen(file.c_str(), "rm"));
  if (!tiff) return fail(ErrorArea::format, "{} is a damaged TIFF file", file.string());
  const auto first = read_page(tiff.get(), file.string());
  if (!first) return tl::unexpected(first.error());
  std::vector<std::uint64_t> pages;
  do {
    pages.push_back(TIFFCurrentDirOffset(tiff.get()));
  } while (pages.size() < k_max_pages && TIFFReadDirectory(tiff.get()) == 1);
  auto info = info_of_shape(std::array<std::uint64_t, 3>{pages.size(), first->shape.rows, first->shape.cols},
                            *first->format.pixel_type(), file.string());
  if (!info) return tl::unexpected(info.error());
  info->format = "TIFF";
  info->scan_known = pages.size() == 1;
  const PixelFormat format = first->format;
  return std::make_unique<TiffRecording>(std::move(tiff), std::move(pages), std::move(*info), format,
                                         file.string());
}

}  // namespace bragglive
