#include "streams/recordings/frame_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "streams/recordings/emd_layout.hpp"

namespace bragglive {
namespace {

// A file beside the target, which takes the target's name at the end.
class PartFile {
 public:
  explicit PartFile(std::filesystem::path target)
      : target_(std::move(target)), part_(target_.string() + ".part") {}
  ~PartFile() {
    std::error_code ignored;
    if (!done_) std::filesystem::remove(part_, ignored);
  }
  const std::filesystem::path& path() const { return part_; }
  tl::unexpected<Error> failed(const char* what) const {
    return fail(ErrorArea::file, "cannot {} {}: {}", what, target_.string(), std::strerror(errno));
  }
  Expected<void> commit() {
    std::error_code error;
    std::filesystem::rename(part_, target_, error);
    if (error) return fail(ErrorArea::file, "cannot write {}: {}", target_.string(), error.message());
    done_ = true;
    return {};
  }

 private:
  std::filesystem::path target_, part_;
  bool done_ = false;
};

class NpyWriter final : public FrameWriter {
 public:
  NpyWriter(std::filesystem::path target, std::size_t frame_bytes)
      : part_(std::move(target)), frame_bytes_(frame_bytes) {}
  ~NpyWriter() override { close(); }

  Expected<void> open(const std::string& header, std::uint64_t frames) {
    fd_ = ::open(part_.path().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0) return part_.failed("create");
    first_byte_ = header.size();
    if (auto written = write_at(0, std::as_bytes(std::span(header))); !written) return written;
    // Reserved now, so that a full disk is known before the work.
    const int reserved = ::posix_fallocate(fd_, 0, static_cast<off_t>(first_byte_ + frames * frame_bytes_));
    if (reserved == 0) return {};
    errno = reserved;
    return part_.failed("reserve the space for");
  }

  Expected<void> write(std::uint64_t index, std::span<const std::byte> pixels) override {
    return write_at(first_byte_ + index * frame_bytes_, pixels);
  }

  Expected<void> commit() override {
    const int fd = std::exchange(fd_, -1);
    if (::close(fd) != 0) return part_.failed("write");
    return part_.commit();
  }

 private:
  Expected<void> write_at(std::size_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return part_.failed("write");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::size_t>(n);
    }
    return {};
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  PartFile part_;
  const std::size_t frame_bytes_;
  std::size_t first_byte_ = 0;
  int fd_ = -1;
};

std::string npy_header(ScanShape scan, FrameShape frame, PixelType pixel) {
  const std::string shape =
      scan.rows == 1 ? fmt::format("({}, {}, {})", scan.cols, frame.rows, frame.cols)
                     : fmt::format("({}, {}, {}, {})", scan.rows, scan.cols, frame.rows, frame.cols);
  const char* descr = pixel == PixelType::u8    ? "|u1"
                      : pixel == PixelType::u16 ? "<u2"
                      : pixel == PixelType::u32 ? "<u4"
                                                : "<f4";
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr, shape);
  text.resize((10 + text.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

class EmdWriter final : public FrameWriter {
 public:
  EmdWriter(std::filesystem::path target, ScanShape scan, FrameShape frame, PixelType pixel)
      : part_(std::move(target)), scan_(scan), frame_(frame), pixel_(pixel) {}

  Expected<void> open() {
    const hdf5::QuietErrors quiet;
    file_ = hdf5::Handle(H5Fcreate(part_.path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    if (!file_) return part_.failed("create");
    const hdf5::Handle create(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_alloc_time(create.get(), H5D_ALLOC_TIME_EARLY);  // a full disk is known before the work
    dataset_ = hdf5::create_data_cube(file_.get(), scan_, frame_, pixel_, create.get());
    if (!dataset_) return part_.failed("reserve the space for");
    return {};
  }

  Expected<void> write(std::uint64_t index, std::span<const std::byte> pixels) override {
    const hdf5::QuietErrors quiet;
    const ScanPosition at = position_of(scan_, index);
    const std::array<hsize_t, 4> first = {at.row, at.col, 0, 0}, count = {1, 1, frame_.rows, frame_.cols};
    const hdf5::Handle in_file(H5Dget_space(dataset_.get())),
        in_memory(H5Screate_simple(4, count.data(), nullptr));
    H5Sselect_hyperslab(in_file.get(), H5S_SELECT_SET, first.data(), nullptr, count.data(), nullptr);
    if (H5Dwrite(dataset_.get(), hdf5::type_of(pixel_), in_memory.get(), in_file.get(), H5P_DEFAULT,
                 pixels.data()) < 0)
      return part_.failed("write");
    return {};
  }

  Expected<void> commit() override {
    const hdf5::QuietErrors quiet;
    const bool flushed = H5Fflush(file_.get(), H5F_SCOPE_GLOBAL) >= 0;
    dataset_ = hdf5::Handle();
    file_ = hdf5::Handle();
    return flushed ? part_.commit() : part_.failed("write");
  }

 private:
  PartFile part_;
  const ScanShape scan_;
  const FrameShape frame_;
  const PixelType pixel_;
  hdf5::Handle file_, dataset_;
};

}  // namespace

Expected<std::unique_ptr<FrameWriter>> create_frame_writer(const std::filesystem::path& file, ScanShape scan,
                                                           FrameShape frame, PixelType pixel) {
  const std::string ending = file.extension().string();
  if (ending == ".npy") {
    auto writer = std::make_unique<NpyWriter>(file, frame.pixels() * bytes_per_pixel(pixel));
    if (auto opened = writer->open(npy_header(scan, frame, pixel), scan.positions()); !opened)
      return tl::unexpected(opened.error());
    return writer;
  }
  if (ending == ".h5" || ending == ".hdf5" || ending == ".emd") {
    auto writer = std::make_unique<EmdWriter>(file, scan, frame, pixel);
    if (auto opened = writer->open(); !opened) return tl::unexpected(opened.error());
    return writer;
  }
  return fail(ErrorArea::usage, "{}: the name must end in .npy, .h5, .hdf5 or .emd", file.string());
}

}  // namespace bragglive
