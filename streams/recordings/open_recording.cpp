#include <array>
#include <cstring>
#include <fstream>

#include "streams/recordings/recording.hpp"

namespace bragglive {
namespace {

struct Location {
  std::filesystem::path file;
  std::string dataset;
};

// "FILE.h5:/strip/data" -> file and dataset; a name that exists as it stands is a file.
Location split(const std::string& text) {
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return {text, {}};
  for (std::size_t at = text.rfind(":/"); at != std::string::npos && at > 0; at = text.rfind(":/", at - 1))
    if (std::filesystem::exists(text.substr(0, at), ignored))
      return {text.substr(0, at), text.substr(at + 1)};
  return {text, {}};
}

}  // namespace

Expected<std::uint64_t> frames_to_come(const RecordingOptions& options, std::uint64_t said,
                                       const std::string& name) {
  const std::uint64_t frames = options.expected_frames != 0 ? options.expected_frames : said;
  if (frames != 0 && frames <= k_max_scan_positions) return frames;
  return fail(ErrorArea::usage,
              "{} is still being written and does not say how many frames will come: give --scan ROWSxCOLS",
              name);
}

Expected<std::unique_ptr<Recording>> open_recording(const std::string& path,
                                                    const RecordingOptions& options) {
  const Location location = split(path);
  RecordingOptions chosen = options;
  if (!location.dataset.empty()) chosen.dataset = location.dataset;
  std::error_code error;
  const auto status = std::filesystem::status(location.file, error);
  if (status.type() == std::filesystem::file_type::not_found)
    return fail(ErrorArea::file, "{} does not exist", location.file.string());
  if (status.type() == std::filesystem::file_type::directory)
    return fail(ErrorArea::file, "{} is a folder; name a recording in it", location.file.string());

  std::array<char, 8> magic{};
  std::ifstream stream(location.file, std::ios::binary);
  if (!stream)
    return fail(ErrorArea::file, "cannot open {}: {}", location.file.string(), std::strerror(errno));
  stream.read(magic.data(), magic.size());
  const std::string_view begins(magic.data(), static_cast<std::size_t>(stream.gcount()));
  stream.close();
  if (begins.empty()) return fail(ErrorArea::format, "{} is empty", location.file.string());
  if (begins.starts_with("\x93NUMPY")) return open_npy(location.file, chosen);
  if (begins.starts_with("\x89HDF\r\n\x1a\n")) return open_hdf5(location.file, chosen);
  if (begins.starts_with("IMGBLO")) return open_blo(location.file);
  if (begins.starts_with("MQ1,")) return open_mib(location.file, chosen);
  using namespace std::string_view_literals;
  for (std::string_view tiff : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv})
    if (begins.starts_with(tiff)) return open_tiff(location.file);
  const std::string ending = location.file.extension().string();
  if (ending == ".raw" || ending == ".RAW" || ending == ".xml" || ending == ".XML")
    return open_empad(location.file, chosen);
  return fail(ErrorArea::format,
              "{} is no recording that is known here (.npy, HDF5, .mib, .blo, TIFF, EMPAD's .xml and .raw)",
              location.file.string());
}

}  // namespace bragglive
