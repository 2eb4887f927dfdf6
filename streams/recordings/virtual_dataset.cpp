// Virtual datasets: which frames of which source files they are made of.
#include <algorithm>
#include <array>
#include <charconv>

#include "streams/recordings/chunk_recording.hpp"
#include "streams/recordings/hdf5_layout.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_max_sources = 100'000;

struct Part {
  std::uint64_t first = 0;  // frame of the scan
  ChunkedFrames frames;
};

std::string name_of_source(hid_t creation, std::size_t index, ssize_t (*get)(hid_t, size_t, char*, size_t)) {
  const ssize_t size = get(creation, index, nullptr, 0);
  if (size <= 0 || size > 65536) return {};
  std::string name(static_cast<std::size_t>(size) + 1, '\0');
  get(creation, index, name.data(), name.size());
  name.pop_back();
  return name;
}

// "" and "threshold_1" are the first.
std::optional<std::uint64_t> channel_number(std::string_view channel) {
  if (channel.empty()) return 0;
  if (channel.starts_with("threshold_")) channel.remove_prefix(10);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(channel.data(), channel.data() + channel.size(), number);
  if (error != std::errc{} || end != channel.data() + channel.size() || number == 0) return std::nullopt;
  return number - 1;
}

hdf5::Handle open_source_dataset(const std::filesystem::path& file, const hdf5::Handle& handle,
                                 hid_t creation, std::size_t index) {
  const std::string source = name_of_source(creation, index, H5Pget_virtual_filename);
  const std::string path = name_of_source(creation, index, H5Pget_virtual_dsetname);
  if (source == ".") return hdf5::Handle(H5Dopen2(handle.get(), path.c_str(), H5P_DEFAULT));
  std::filesystem::path beside = source;
  if (beside.is_relative()) beside = file.parent_path() / beside;
  const hdf5::Handle other(H5Fopen(beside.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  return other ? hdf5::Handle(H5Dopen2(other.get(), path.c_str(), H5P_DEFAULT)) : hdf5::Handle();
}

// First and last index of a selection on each axis.
struct Bounds {
  std::array<hsize_t, 4> first{}, last{};
  bool good = false;
};
Bounds bounds_of(const hdf5::Handle& space, int rank) {
  Bounds bounds;
  bounds.good = space && H5Sget_simple_extent_ndims(space.get()) == rank &&
                H5Sget_select_type(space.get()) != H5S_SEL_NONE &&
                H5Sget_select_bounds(space.get(), bounds.first.data(), bounds.last.data()) >= 0;
  return bounds;
}

}  // namespace

Expected<std::unique_ptr<Recording>> open_virtual(const std::filesystem::path& file, hdf5::Handle& handle,
                                                  const std::string& path, const std::string& channel) {
  const hdf5::QuietErrors quiet;
  const hdf5::Handle dataset(H5Dopen2(handle.get(), path.c_str(), H5P_DEFAULT));
  const hdf5::Handle creation(dataset ? H5Dget_create_plist(dataset.get()) : H5I_INVALID_HID);
  std::size_t sources = 0;
  if (!creation || H5Pget_layout(creation.get()) != H5D_VIRTUAL ||
      H5Pget_virtual_count(creation.get(), &sources) < 0)
    return std::unique_ptr<Recording>{};
  const hdf5::Handle space(H5Dget_space(dataset.get()));
  const int rank = H5Sget_simple_extent_ndims(space.get());
  const std::string name = file.string() + ":" + path;
  const auto wanted = channel_number(channel);
  if (!wanted)
    return fail(ErrorArea::usage, "{}: channel '{}' is neither threshold_1, threshold_2 … nor a number", name,
                channel);
  if ((rank != 3 && rank != 4) || sources == 0 || sources > k_max_sources)
    return fail(ErrorArea::format,
                "{} is a virtual dataset of {} axes and {} sources; (n, rows, cols) or (n, "
                "channels, rows, cols) can be read",
                name, rank, sources);
  std::array<hsize_t, 4> shape{};
  H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr);
  if (rank == 4 && *wanted >= shape[1])
    return fail(ErrorArea::usage, "{} has {} channels, there is no '{}'", name, shape[1], channel);

  std::vector<Part> parts;
  for (std::size_t i = 0; i < sources; ++i) {
    const Bounds in_scan = bounds_of(hdf5::Handle(H5Pget_virtual_vspace(creation.get(), i)), rank);
    if (!in_scan.good) return fail(ErrorArea::format, "{}: source {} covers nothing", name, i);
    if (rank == 4 && (*wanted < in_scan.first[1] || *wanted > in_scan.last[1])) continue;
    hdf5::Handle source = open_source_dataset(file, handle, creation.get(), i);
    if (!source)
      return fail(ErrorArea::file,
                  "{} names a source that cannot be opened ({}:{}): keep the data files beside it", name,
                  name_of_source(creation.get(), i, H5Pget_virtual_filename),
                  name_of_source(creation.get(), i, H5Pget_virtual_dsetname));
    auto frames = as_chunked_frames(source);
    const Bounds in_source = bounds_of(hdf5::Handle(H5Pget_virtual_srcspace(creation.get(), i)), 3);
    const std::uint64_t count = in_scan.last[0] - in_scan.first[0] + 1;
    if (!frames || frames->scan_axes != 1)
      return fail(ErrorArea::format, "{}: source {} is not packed by bslz4 or lz4, one frame a chunk", name,
                  i);
    frames->first = in_source.good ? in_source.first[0] : 0;
    if (frames->first > frames->frames || count > frames->frames - frames->first)
      return fail(ErrorArea::format, "{}: source {} has fewer frames than the scan takes from it", name, i);
    frames->frames = count;
    parts.push_back({in_scan.first[0], std::move(*frames)});
  }
  if (parts.empty()) return fail(ErrorArea::format, "{}: no source for this channel", name);
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.first < b.first; });
  RecordingInfo info;
  info.format = "HDF5 virtual dataset " + path;
  info.metadata = hdf5::attributes_of(dataset.get());
  std::vector<ChunkedFrames> segments;
  std::uint64_t next = 0;
  for (Part& part : parts) {
    if (part.first != next)
      return fail(ErrorArea::format, "{}: frames from {} on have no source, or two", name,
                  std::min(next, part.first));
    next += part.frames.frames;
    if (!segments.empty() &&
        (part.frames.frame != segments[0].frame || part.frames.pixel != segments[0].pixel ||
         part.frames.encoding != segments[0].encoding))
      return fail(ErrorArea::shape, "{}: its sources have different frames", name);
    segments.push_back(std::move(part.frames));
  }
  if (next > k_max_scan_positions) return fail(ErrorArea::shape, "{} holds {} frames", name, next);
  info.scan = {1, static_cast<std::uint32_t>(next)};
  return make_chunk_recording(std::move(handle), std::move(segments), std::move(info));
}

}  // namespace bragglive
