// DECTRIS HDF5: <base>_master.h5 with links /entry/data/data_000001 … to the data files (SIMPLON file
// writer), and ARINA's <base>.h5.
#include <array>

#include "streams/dectris/announced_scan.hpp"
#include "streams/recordings/chunk_recording.hpp"
#include "streams/recordings/hdf5_layout.hpp"

namespace bragglive {
namespace {

constexpr int k_max_files = 1'000'000;
constexpr std::size_t k_max_masked = 200'000;

std::string link_name(int number) {
  return fmt::format("/entry/data/data_{:06}", number);
}

std::uint32_t count_in(hid_t group, const char* name) {
  const hdf5::Handle attribute(H5Aopen(group, name, H5P_DEFAULT));
  if (!attribute) return 0;
  const hdf5::Handle space(H5Aget_space(attribute.get()));
  std::uint32_t value = 0;
  if (H5Sget_simple_extent_npoints(space.get()) == 1) H5Aread(attribute.get(), H5T_NATIVE_UINT32, &value);
  return value;
}

// Of the file that ARINA writes beside the master.
std::optional<dectris::AnnouncedScan> stem_metadata_beside(const std::filesystem::path& master,
                                                           RecordingInfo& info) {
  std::string name = master.filename().string();
  const std::size_t ending = name.rfind("_master.h5");
  if (ending == std::string::npos) return std::nullopt;
  const hdf5::Handle file(H5Fopen((master.parent_path() / (name.substr(0, ending) + ".h5")).c_str(),
                                  H5F_ACC_RDONLY, H5P_DEFAULT));
  if (!file) return std::nullopt;
  const hdf5::Handle group(H5Gopen2(file.get(), "STEM Metadata", H5P_DEFAULT));
  if (!group) return std::nullopt;
  for (const auto& [key, value] : hdf5::attributes_of(group.get()))
    info.metadata["STEM Metadata." + key] = value;
  dectris::AnnouncedScan metadata;
  metadata.scan = {count_in(group.get(), "NumPixelsY"), count_in(group.get(), "NumPixelsX")};
  metadata.prescan = count_in(group.get(), "NumPixelsPrescan");
  if (metadata.scan.rows == 0 || metadata.scan.cols == 0 || metadata.scan.positions() > k_max_scan_positions)
    return std::nullopt;
  return metadata;
}

// Frames that do not belong to a position: some before the scan, or some at each line. Whichever makes the
// numbers agree.
void use_scan(const dectris::AnnouncedScan& metadata, std::uint64_t frames, RecordingInfo& info,
              const std::string& name, const LogSink& log) {
  const std::uint64_t positions = metadata.scan.positions();
  const auto path = dectris::path_of(metadata, frames);
  if (!path) {
    if (log)
      log(LogLevel::warning,
          fmt::format(
              "{} holds {} frames, its scan of {}x{} has {} positions; give --scan if the map looks sheared",
              name, frames, metadata.scan.rows, metadata.scan.cols, positions));
    if (frames > positions) return;
  }
  info.scan = metadata.scan;
  info.scan_known = true;
  info.path = path.value_or(ScanPath{});
}

void read_scalar(hid_t file, const char* path, RecordingInfo& info) {
  const hdf5::Handle dataset(H5Dopen2(file, path, H5P_DEFAULT));
  if (!dataset) return;
  const std::string text = hdf5::scalar_text(dataset.get());
  if (!text.empty()) info.metadata[std::string(path).substr(std::string(path).rfind('/') + 1)] = text;
}

void read_mask(hid_t file, FrameShape frame, RecordingInfo& info) {
  const hdf5::Handle dataset(
      H5Dopen2(file, "/entry/instrument/detector/detectorSpecific/pixel_mask", H5P_DEFAULT));
  if (!dataset) return;
  const hdf5::Handle space(H5Dget_space(dataset.get()));
  if (H5Sget_simple_extent_npoints(space.get()) != static_cast<hssize_t>(frame.pixels())) return;
  std::vector<std::uint32_t> mask(frame.pixels());
  if (H5Dread(dataset.get(), H5T_NATIVE_UINT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, mask.data()) < 0) return;
  std::string text;
  std::size_t count = 0;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] == 0) continue;
    if (++count > k_max_masked) return;
    text += fmt::format("{}{}", text.empty() ? "" : ",", i);
  }
  info.metadata["masked_pixels"] = text;
}

std::uint64_t number_in(hid_t file, const char* path) {
  const hdf5::Handle dataset(H5Dopen2(file, path, H5P_DEFAULT));
  if (!dataset) return 0;
  const hdf5::Handle space(H5Dget_space(dataset.get()));
  std::uint64_t value = 0;
  if (H5Sget_simple_extent_npoints(space.get()) == 1)
    H5Dread(dataset.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value);
  return value;
}

// Images of all triggers that the detector was set up for; 0 = the file does not say.
std::uint64_t announced_frames(hid_t master) {
  const std::uint64_t images = number_in(master, "/entry/instrument/detector/detectorSpecific/nimages");
  const std::uint64_t triggers =
      std::max<std::uint64_t>(1, number_in(master, "/entry/instrument/detector/detectorSpecific/ntrigger"));
  return images > k_max_scan_positions || triggers > k_max_scan_positions ? 0 : images * triggers;
}

bool is_linked(hid_t master, int number) {
  return number <= k_max_files && H5Lexists(master, link_name(number).c_str(), H5P_DEFAULT) > 0;
}

bool same_kind(const ChunkedFrames& a, const ChunkedFrames& b) {
  return a.frame == b.frame && a.pixel == b.pixel && a.encoding == b.encoding;
}

// nullopt in place of a segment: its file is not there.
Expected<std::optional<ChunkedFrames>> open_segment(hid_t master, int number, const std::string& name) {
  hdf5::Handle dataset(H5Dopen2(master, link_name(number).c_str(), H5P_DEFAULT));
  if (!dataset) return std::optional<ChunkedFrames>{};
  auto segment = as_chunked_frames(dataset);
  if (!segment || segment->scan_axes != 1)
    return fail(ErrorArea::format,
                "{}: {} is not packed by bslz4 or lz4, one frame a chunk; name the data file itself", name,
                link_name(number));
  return segment;
}

// Asks the master anew each time: its links may come later, too.
NextSegment segments_after(const std::filesystem::path& file, const std::vector<ChunkedFrames>& there,
                           const LogSink& log) {
  ChunkedFrames kind;
  kind.frame = there[0].frame, kind.pixel = there[0].pixel, kind.encoding = there[0].encoding;
  return
      [file, log, kind = std::make_shared<const ChunkedFrames>(std::move(kind)),
       number = static_cast<int>(there.size()) + 1, bad = false]() mutable -> std::optional<ChunkedFrames> {
        const hdf5::QuietErrors quiet;
        if (bad) return std::nullopt;
        const hdf5::Handle master(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
        if (!master || !is_linked(master.get(), number)) return std::nullopt;
        auto segment = open_segment(master.get(), number, file.string());
        bad = !segment || (*segment && !same_kind(**segment, *kind));
        if (bad && log)
          log(LogLevel::error, segment ? fmt::format("{}: {} has other frames than the first data file",
                                                     file.string(), link_name(number))
                                       : segment.error().message);
        if (bad || !*segment) return std::nullopt;
        ++number;
        return std::move(*segment);
      };
}

}  // namespace

Expected<std::unique_ptr<Recording>> open_dectris_master(const std::filesystem::path& file,
                                                         hdf5::Handle& handle,
                                                         const RecordingOptions& options) {
  const hdf5::QuietErrors quiet;
  const hid_t master = handle.get();
  const hdf5::Handle data(H5Gopen2(master, "/entry/data", H5P_DEFAULT));
  if (!data || !is_linked(master, 1)) return std::unique_ptr<Recording>{};

  std::vector<ChunkedFrames> segments;
  std::uint64_t frames = 0;
  for (int number = 1; is_linked(master, number); ++number) {
    auto segment = open_segment(master, number, file.string());
    if (!segment) return tl::unexpected(segment.error());
    if (!*segment) {
      if (options.follow && number > 1) break;
      return fail(ErrorArea::file, "{} names a data file that cannot be opened ({}): {}", file.string(),
                  link_name(number),
                  options.follow ? "wait until the first one is there"
                                 : "keep the data files beside it, or --follow them while they still come");
    }
    if (!segments.empty() && !same_kind(**segment, segments[0]))
      return fail(ErrorArea::shape, "{}: {} has other frames than the first data file", file.string(),
                  link_name(number));
    frames += (*segment)->frames;
    segments.push_back(std::move(**segment));
  }
  RecordingInfo info;
  if (options.follow) {
    const auto to_come = frames_to_come(options, announced_frames(master), file.string());
    if (!to_come) return tl::unexpected(to_come.error());
    frames = *to_come;
  }
  if (frames == 0 || frames > k_max_scan_positions)
    return fail(ErrorArea::format, "{} holds {} frames", file.string(), frames);
  info.format = options.follow ? "DECTRIS HDF5, still being written"
                               : fmt::format("DECTRIS HDF5, {} data file{}", segments.size(),
                                             segments.size() == 1 ? "" : "s");
  info.frames = frames;
  info.scan = {1, static_cast<std::uint32_t>(frames)};
  if (const auto metadata = stem_metadata_beside(file, info))
    use_scan(*metadata, frames, info, file.string(), options.log);
  for (const char* path :
       {"/entry/instrument/detector/description", "/entry/instrument/detector/detector_number",
        "/entry/instrument/detector/count_time", "/entry/instrument/detector/frame_time",
        "/entry/instrument/detector/saturation_value",
        "/entry/instrument/detector/detectorSpecific/photon_energy",
        "/entry/instrument/detector/detectorSpecific/trigger_mode"})
    read_scalar(master, path, info);
  read_mask(master, segments[0].frame, info);
  if (!options.follow) return make_chunk_recording(std::move(handle), std::move(segments), std::move(info));
  // The library would show the master as it was for as long as it is open.
  NextSegment next = segments_after(file, segments, options.log);
  handle = hdf5::Handle();
  return make_chunk_recording({}, std::move(segments), std::move(info), std::move(next));
}

}  // namespace bragglive
