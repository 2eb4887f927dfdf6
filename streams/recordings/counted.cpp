#include "streams/recordings/counted.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "streams/recordings/hdf5_layout.hpp"
#include "streams/recordings/mapped_file.hpp"

namespace bragglive {
namespace {

constexpr const char* k_frames = "/electron_events/frames";
constexpr const char* k_positions = "/electron_events/scan_positions";

std::uint32_t number_at(hid_t object, const char* name) {
  const hdf5::Handle attribute(H5Aopen(object, name, H5P_DEFAULT));
  if (!attribute) return 0;
  const hdf5::Handle space(H5Aget_space(attribute.get()));
  std::uint32_t value = 0;
  if (H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Aread(attribute.get(), H5T_NATIVE_UINT32, &value) < 0)
    return 0;
  return value;
}

class CountedRecording final : public Recording {
 public:
  CountedRecording(hdf5::Handle file, hdf5::Handle frames, RecordingInfo info,
                   std::vector<std::uint64_t> first, std::vector<std::uint64_t> lists)
      : file_(std::move(file)),
        frames_(std::move(frames)),
        first_(std::move(first)),
        lists_(std::move(lists)) {
    info_ = std::move(info);
  }

  Expected<Payload> read(std::uint64_t frame) override { return read_again(frame); }

  Expected<Payload> read_again(std::uint64_t position) const override {
    if (position >= info_.frames) return fail(ErrorArea::usage, "frame {} of {}", position, info_.frames);
    if (first_[position] == first_[position + 1])
      return fail(ErrorArea::format, "position {} has no list of electrons", position);
    std::vector<std::uint16_t> pixels(info_.frame.pixels());
    for (std::uint64_t i = first_[position]; i < first_[position + 1]; ++i)
      if (!add(lists_[i], pixels))
        return fail(ErrorArea::format, "the electrons of position {} cannot be read: the file is damaged",
                    position);
    std::vector<std::byte> bytes(pixels.size() * 2);
    std::memcpy(bytes.data(), pixels.data(), bytes.size());
    return own(std::move(bytes));
  }

 private:
  bool add(std::uint64_t list, std::span<std::uint16_t> pixels) const {
    const hdf5::QuietErrors quiet;
    const hsize_t first = list, one = 1;
    const hdf5::Handle in_file(H5Dget_space(frames_.get()));
    const hdf5::Handle in_memory(H5Screate_simple(1, &one, nullptr));
    const hdf5::Handle type(H5Tvlen_create(H5T_NATIVE_UINT32));
    H5Sselect_hyperslab(in_file.get(), H5S_SELECT_SET, &first, nullptr, &one, nullptr);
    hvl_t values{};
    if (H5Dread(frames_.get(), type.get(), in_memory.get(), in_file.get(), H5P_DEFAULT, &values) < 0)
      return false;
    const bool inside = count_electrons({static_cast<const std::uint32_t*>(values.p), values.len}, pixels);
    H5Dvlen_reclaim(type.get(), in_memory.get(), H5P_DEFAULT, &values);
    return inside;
  }

  const hdf5::Handle file_, frames_;
  const std::vector<std::uint64_t> first_;  // per position, into lists_
  const std::vector<std::uint64_t> lists_;
};

Expected<std::vector<std::uint32_t>> read_positions(const hdf5::Handle& dataset, std::uint64_t lists,
                                                    const std::string& name) {
  const hdf5::Handle space(H5Dget_space(dataset.get()));
  if (H5Sget_simple_extent_npoints(space.get()) != static_cast<hssize_t>(lists))
    return fail(ErrorArea::format, "{}: {} lists of electrons, but another number of positions", name, lists);
  std::vector<std::uint32_t> positions(lists);
  if (H5Dread(dataset.get(), H5T_NATIVE_UINT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, positions.data()) < 0)
    return fail(ErrorArea::format, "{}: the scan positions cannot be read", name);
  return positions;
}

}  // namespace

bool count_electrons(std::span<const std::uint32_t> indices, std::span<std::uint16_t> pixels) {
  for (const std::uint32_t index : indices) {
    if (index >= pixels.size()) return false;
    if (pixels[index] < std::numeric_limits<std::uint16_t>::max()) ++pixels[index];
  }
  return true;
}

Expected<std::unique_ptr<Recording>> open_counted(const std::filesystem::path& file, hdf5::Handle& handle) {
  const hdf5::QuietErrors quiet;
  hdf5::Handle frames(H5Dopen2(handle.get(), k_frames, H5P_DEFAULT));
  const hdf5::Handle positions(H5Dopen2(handle.get(), k_positions, H5P_DEFAULT));
  if (!frames || !positions) return std::unique_ptr<Recording>{};
  const std::string name = file.string();
  const hdf5::Handle space(H5Dget_space(frames.get())), type(H5Dget_type(frames.get()));
  const hssize_t lists = H5Sget_simple_extent_npoints(space.get());
  if (H5Tget_class(type.get()) != H5T_VLEN || H5Sget_simple_extent_ndims(space.get()) != 1 || lists < 1 ||
      static_cast<std::uint64_t>(lists) > k_max_scan_positions)
    return fail(ErrorArea::format, "{}: {} is no list of electron lists", name, k_frames);
  RecordingInfo info;
  info.format = "counted 4D Camera data";
  info.scan = {number_at(positions.get(), "Ny"), number_at(positions.get(), "Nx")};
  info.scan_known = true;
  info.frame = {number_at(frames.get(), "Ny"), number_at(frames.get(), "Nx")};
  info.pixel = PixelType::u16;
  if (info.scan.rows == 0 || info.scan.cols == 0 || info.scan.positions() > k_max_scan_positions ||
      info.frame.rows == 0 || info.frame.cols == 0 || info.frame.rows > k_max_detector_side ||
      info.frame.cols > k_max_detector_side)
    return fail(ErrorArea::shape, "{}: Nx and Ny of {} or {} make no scan of frames", name, k_positions,
                k_frames);
  info.frames = info.scan.positions();
  const auto where = read_positions(positions, static_cast<std::uint64_t>(lists), name);
  if (!where) return tl::unexpected(where.error());

  std::vector<std::uint64_t> first(info.frames + 1, 0), order(where->size());
  for (const std::uint32_t position : *where) {
    if (position >= info.frames)
      return fail(ErrorArea::format, "{}: position {} lies outside the scan of {}x{}", name, position,
                  info.scan.rows, info.scan.cols);
    ++first[position + 1];
  }
  for (std::uint64_t i = 0; i < info.frames; ++i) first[i + 1] += first[i];
  std::vector<std::uint64_t> next(first.begin(), first.end() - 1);
  for (std::uint64_t i = 0; i < where->size(); ++i) order[next[(*where)[i]]++] = i;
  return std::make_unique<CountedRecording>(std::move(handle), std::move(frames), std::move(info),
                                            std::move(first), std::move(order));
}

}  // namespace bragglive
