#include "streams/merlin/frame_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace bragglive::merlin {
namespace {

constexpr std::size_t k_max_header = 8192;
constexpr std::size_t k_max_fields = 200;

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  text = trimmed(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct FormatName {
  std::string_view name;
  Format format;
};
constexpr std::array<FormatName, 4> k_formats = {
    {{"U08", Format::u8}, {"U16", Format::u16}, {"U32", Format::u32}, {"R64", Format::raw}}};

// The depth stands behind the MQ1A extension: …,MQ1A,<ISO time>,<exposure>ns,<depth>.
std::uint32_t counter_depth_in(std::string_view text) {
  const std::size_t at = text.find("MQ1A,");
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at);
  for (int skip = 0; skip < 3; ++skip) {
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) return 0;
    text.remove_prefix(comma + 1);
  }
  return static_cast<std::uint32_t>(number_in(text.substr(0, text.find(','))).value_or(0));
}

}  // namespace

std::size_t FrameHeader::payload_bytes() const {
  const std::size_t pixels = std::size_t{width} * height;
  switch (format) {
    case Format::u8:
      return pixels;
    case Format::u16:
      return pixels * 2;
    case Format::u32:
      return pixels * 4;
    case Format::raw:
      return counter_depth == 1 ? pixels / 8 : counter_depth == 6 ? pixels : pixels * 2;
  }
  return 0;
}

PixelType FrameHeader::pixel_type() const {
  switch (format) {
    case Format::u8:
      return PixelType::u8;
    case Format::u16:
      return PixelType::u16;
    case Format::u32:
      return PixelType::u32;
    case Format::raw:
      return counter_depth <= 6 ? PixelType::u8 : counter_depth == 24 ? PixelType::u32 : PixelType::u16;
  }
  return PixelType::u16;
}

FrameShape FrameHeader::frame_shape() const {
  if (is_raw_quad()) return {2 * height, width / 2};
  return {height, format == Format::raw && counter_depth == 24 ? width / 2 : width};
}

std::string_view FrameHeader::format_name() const {
  for (const FormatName& entry : k_formats)
    if (entry.format == format) return entry.name;
  return "?";
}

Expected<FrameHeader> parse_frame_header(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), k_max_header));
  const auto damaged = [&](std::string_view what) {
    return fail(ErrorArea::format, "no Merlin frame header ({}): it begins '{}'", what,
                text.substr(0, std::min<std::size_t>(text.find('\0'), 24)));
  };
  if (!text.starts_with("MQ1,")) return damaged("no MQ1");
  std::array<std::string_view, 8> field;
  std::string_view rest = text;
  for (auto& into : field) {
    const std::size_t comma = rest.find(',');
    if (comma == std::string_view::npos) return damaged("too short");
    into = rest.substr(0, comma);
    rest.remove_prefix(comma + 1);
  }
  const auto sequence = number_in(field[1]), offset = number_in(field[2]), chips = number_in(field[3]),
             width = number_in(field[4]), height = number_in(field[5]);
  if (!sequence || !offset || !chips || !width || !height) return damaged("a number is not one");
  if (*offset < text.size() - rest.size() || *offset > k_max_header) return damaged("impossible data offset");
  if (*width == 0 || *height == 0 || *width > k_max_detector_side || *height > k_max_detector_side)
    return damaged("impossible size");
  if (*chips == 0 || *chips > 64) return damaged("impossible number of chips");
  const std::string_view format = trimmed(field[6]);
  const auto known = std::find_if(k_formats.begin(), k_formats.end(),
                                  [&](const FormatName& entry) { return entry.name == format; });
  if (known == k_formats.end()) return damaged("unknown pixel type");

  FrameHeader header;
  header.sequence = *sequence;
  header.offset = *offset;
  header.chips = static_cast<std::uint32_t>(*chips);
  header.width = static_cast<std::uint32_t>(*width);
  header.height = static_cast<std::uint32_t>(*height);
  header.format = known->format;
  header.counter_depth = counter_depth_in(text.substr(0, std::min<std::size_t>(*offset, text.size())));
  if (header.format == Format::raw && header.counter_depth != 1 && header.counter_depth != 6 &&
      header.counter_depth != 12 && header.counter_depth != 24)
    return damaged("raw pixels without a counter depth");
  // Rows of chips are unscrambled in groups of 64 bits; other arrangements than one chip or 2x2 are unknown
  // here.
  if (header.format == Format::raw &&
      (header.width % 64 != 0 || (header.chips != 1 && !header.is_raw_quad())))
    return damaged("an arrangement of raw chips that is not known");
  return header;
}

std::optional<std::uint64_t> AcquisitionHeader::number(const std::string& key) const {
  const auto found = fields.find(key);
  return found == fields.end() ? std::nullopt : number_in(found->second);
}

std::uint64_t AcquisitionHeader::frames() const {
  return number("Frames in Acquisition (Number)").value_or(0);
}

std::optional<ScanShape> AcquisitionHeader::scan() const {
  const auto shape = [](std::uint64_t rows, std::uint64_t cols) -> std::optional<ScanShape> {
    if (rows == 0 || cols == 0 || rows > k_max_scan_positions || cols > k_max_scan_positions ||
        rows * cols > k_max_scan_positions)
      return std::nullopt;
    return ScanShape{static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(cols)};
  };
  if (const auto x = number("ScanX"), y = number("ScanY"); x && y) return shape(*y, *x);
  const auto per_trigger = number("Frames per Trigger (Number)");
  if (!per_trigger || *per_trigger < 2 || frames() % *per_trigger != 0) return std::nullopt;
  return shape(frames() / *per_trigger, *per_trigger);
}

AcquisitionHeader parse_acquisition_header(std::string_view text) {
  AcquisitionHeader header;
  while (!text.empty() && header.fields.size() < k_max_fields) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("End")) break;
    const std::size_t colon = line.find(":\t");
    if (colon == std::string_view::npos) continue;
    header.fields[std::string(trimmed(line.substr(0, colon)))] = trimmed(line.substr(colon + 1));
  }
  return header;
}

}  // namespace bragglive::merlin
