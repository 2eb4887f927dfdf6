// EMPAD: headerless float32 frames (.raw) and the XML that the acquisition writes beside them.
//
// First generation: 130 rows of 128, of which the last two are not the detector's. Exports of the second
// (EMPAD2 in the XML): 128 x 128. The scan's size is in the XML (pix_x, pix_y, or scan_parameters of mode
// "acquire", else "search"; LiberTEM's and rosettasciio's readers) or in the name: scan_x256_y128.raw.
#include <charconv>
#include <fstream>

#include "streams/recordings/flat_recording.hpp"

namespace bragglive {
namespace {

constexpr std::uint32_t k_side = 128;
constexpr std::size_t k_row_bytes = k_side * 4;
constexpr std::size_t k_max_xml = std::size_t{1} << 20;

struct XmlSettings {
  std::string raw_name;
  ScanShape scan;
  bool second_generation = false;
};

std::optional<std::uint32_t> number_in(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n\"'"), text.size()));
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

// The number inside <tag …>number</tag>.
std::optional<std::uint32_t> element(std::string_view xml, std::string_view tag) {
  for (std::size_t at = xml.find('<'); at != std::string_view::npos; at = xml.find('<', at + 1)) {
    const std::string_view rest = xml.substr(at + 1);
    if (!rest.starts_with(tag) || rest.size() <= tag.size()) continue;
    const char behind = rest[tag.size()];
    if (behind != '>' && behind != ' ') continue;
    const std::size_t end = rest.find('>');
    return end == std::string_view::npos ? std::nullopt : number_in(rest.substr(end + 1));
  }
  return std::nullopt;
}

// The value of an attribute behind `from`.
std::string attribute(std::string_view xml, std::string_view from, std::string_view name) {
  const std::size_t tag = xml.find(from);
  if (tag == std::string_view::npos) return {};
  std::string_view inside = xml.substr(tag, xml.find('>', tag) - tag);
  const std::size_t at = inside.find(std::string(name) + "=");
  if (at == std::string_view::npos || at + name.size() + 2 > inside.size()) return {};
  inside.remove_prefix(at + name.size() + 1);
  const char quote = inside[0];
  return std::string(inside.substr(1, inside.find(quote, 1) - 1));
}

ScanShape scan_in(std::string_view xml) {
  if (const auto x = element(xml, "pix_x"), y = element(xml, "pix_y"); x && y) return {*y, *x};
  for (std::string_view mode : {"acquire", "search"}) {
    for (std::size_t at = xml.find("<scan_parameters"); at != std::string_view::npos;
         at = xml.find("<scan_parameters", at + 1)) {
      const std::string_view block = xml.substr(at, xml.find("</scan_parameters>", at) - at);
      if (attribute(block, "<scan_parameters", "mode") != mode) continue;
      const auto x = element(block, "scan_resolution_x"), y = element(block, "scan_resolution_y");
      if (x && y) return {*y, *x};
    }
  }
  return {};
}

// "scan_x256_y128.raw"
ScanShape scan_in_name(std::string_view name) {
  const std::size_t x = name.find("_x");
  const std::size_t y = x == std::string_view::npos ? x : name.find("_y", x);
  if (y == std::string_view::npos) return {};
  const auto cols = number_in(name.substr(x + 2)), rows = number_in(name.substr(y + 2));
  return cols && rows ? ScanShape{*rows, *cols} : ScanShape{};
}

Expected<XmlSettings> read_xml(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string xml(k_max_xml, '\0');
  stream.read(xml.data(), static_cast<std::streamsize>(xml.size()));
  xml.resize(static_cast<std::size_t>(stream.gcount()));
  XmlSettings settings;
  // The XML has the path on the microscope's PC, whose separators may be the other ones.
  settings.raw_name = attribute(xml, "<raw_file", "filename");
  settings.raw_name.erase(0, settings.raw_name.find_last_of("/\\") + 1);
  settings.scan = scan_in(xml);
  settings.second_generation = xml.find("EMPAD2") != std::string::npos;
  if (settings.raw_name.empty() || settings.raw_name == "." || settings.raw_name == "..")
    return fail(ErrorArea::format, "{} names no raw file: it is not an EMPAD acquisition", file.string());
  return settings;
}

// The XML of this acquisition, where somebody names the raw file itself: the same name, or the only one that
// names it.
std::optional<XmlSettings> xml_beside(const std::filesystem::path& raw) {
  std::error_code error;
  std::size_t looked_at = 0;
  const auto folder = std::filesystem::absolute(raw).parent_path();
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator() && looked_at < 1000; entry.increment(error)) {
    if (entry->path().extension() != ".xml" && entry->path().extension() != ".XML") continue;
    ++looked_at;
    auto settings = read_xml(entry->path());
    if (settings && settings->raw_name == raw.filename().string()) return *settings;
  }
  return std::nullopt;
}

}  // namespace

Expected<std::unique_ptr<Recording>> open_empad(const std::filesystem::path& file,
                                                const RecordingOptions& options) {
  std::filesystem::path raw = file;
  std::optional<XmlSettings> settings;
  if (file.extension() == ".xml" || file.extension() == ".XML") {
    auto read = read_xml(file);
    if (!read) return tl::unexpected(read.error());
    settings = std::move(*read);
    raw = file.parent_path() / settings->raw_name;
  } else {
    settings = xml_beside(raw);
  }
  auto mapped = MappedFile::open(raw);
  if (!mapped) return tl::unexpected(mapped.error());
  const bool second = settings && settings->second_generation;
  FlatLayout layout;
  layout.stride = k_row_bytes * (second ? k_side : k_side + 2);
  layout.format = {PixelFormat::Kind::floating, 4, false};
  const std::size_t size = (*mapped)->bytes().size();
  ScanShape scan = settings ? settings->scan : ScanShape{};
  if (scan.positions() == 0) scan = scan_in_name(raw.filename().string());
  std::uint64_t frames = size / layout.stride;
  if (options.follow) {
    const auto to_come = frames_to_come(options, scan.positions(), raw.string());
    if (!to_come) return tl::unexpected(to_come.error());
    frames = *to_come;
    layout.growing = true;
  }
  if (frames == 0 || frames > k_max_scan_positions || (size % layout.stride != 0 && !layout.growing))
    return fail(ErrorArea::format,
                "{} has {} bytes: EMPAD frames have {} each, so it is cut short or no EMPAD file",
                raw.string(), size, layout.stride);
  RecordingInfo info;
  info.format = second ? "EMPAD2 export" : "EMPAD raw";
  info.frame = {k_side, k_side};
  info.pixel = PixelType::f32;
  info.frames = frames;
  info.scan = {1, static_cast<std::uint32_t>(frames)};
  const bool sane = scan.positions() != 0 && scan.positions() <= k_max_scan_positions;
  if (sane && frames % scan.rows == 0 && frames >= scan.positions()) {
    info.scan = scan;
    info.scan_known = true;
    info.path.fly_back = frames / scan.rows - scan.cols;  // whole lines with some frames more
  } else if (sane) {
    info.scan = scan;
    info.scan_known = true;
    if (options.log)
      options.log(LogLevel::warning,
                  fmt::format("{} holds {} frames, its scan of {}x{} has {} positions", raw.string(), frames,
                              scan.rows, scan.cols, scan.positions()));
  }
  return open_flat(std::move(*mapped), std::move(info), layout, raw.string());
}

}  // namespace bragglive
