#include "plugin/command/peaks_csv.hpp"

#include <charconv>
#include <cmath>
#include <fstream>
#include <string>
#include <string_view>

namespace bragglive::command {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

template <class Number>
bool take_field(std::string_view& line, bool last, Number& value) {
  const std::size_t comma = line.find(',');
  if ((comma == std::string_view::npos) != last) return false;
  std::string_view field = trimmed(line.substr(0, comma));
  if (!field.empty() && field.front() == '+') field.remove_prefix(1);
  const auto result = std::from_chars(field.data(), field.data() + field.size(), value);
  if (result.ec != std::errc{} || result.ptr != field.data() + field.size()) return false;
  line.remove_prefix(last ? line.size() : comma + 1);
  return true;
}

}  // namespace

Expected<PatternPeaks> read_peaks_csv(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) return fail(ErrorArea::file, "cannot open {}: does it exist and may it be read?", file.string());
  PatternPeaks out;
  std::string text;
  bool have_header = false;
  for (std::uint64_t number = 1; std::getline(in, text); ++number) {
    std::string_view line = trimmed(text);
    if (line.empty() || line.front() == '#') continue;
    if (!have_header) {
      if (line != "pattern,qx,qy,intensity")
        return fail(ErrorArea::format, "{}, line {}: expected the header pattern,qx,qy,intensity",
                    file.string(), number);
      have_header = true;
      continue;
    }
    std::uint64_t pattern = 0;
    BraggPeak peak;
    if (!take_field(line, false, pattern) || !take_field(line, false, peak.qx) ||
        !take_field(line, false, peak.qy) || !take_field(line, true, peak.intensity))
      return fail(ErrorArea::format, "{}, line {}: expected four numbers pattern,qx,qy,intensity",
                  file.string(), number);
    if (!std::isfinite(peak.qx) || !std::isfinite(peak.qy) || !std::isfinite(peak.intensity))
      return fail(ErrorArea::numeric, "{}, line {}: a number is not finite", file.string(), number);
    if (pattern >= k_max_csv_patterns)
      return fail(ErrorArea::shape, "{}, line {}: pattern {} is beyond the limit of {}", file.string(),
                  number, pattern, k_max_csv_patterns);
    if (pattern >= out.patterns.size()) out.patterns.resize(pattern + 1);
    out.patterns[pattern].push_back(peak);
  }
  if (in.bad()) return fail(ErrorArea::file, "reading {} broke off", file.string());
  if (!have_header)
    return fail(ErrorArea::format, "{} is empty: expected the header pattern,qx,qy,intensity", file.string());
  return out;
}

}  // namespace bragglive::command
