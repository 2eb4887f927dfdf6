#include "streams/dectris/announced_scan.hpp"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

namespace bragglive::dectris {
namespace {

constexpr std::string_view k_prefix = "user_data.";
constexpr std::size_t k_max_json = 65536;

std::uint64_t number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

using Values = std::map<std::string, std::string>;

// What a JSON object holds, in the words of `values`.
void add_json(std::string_view text, Values& values) {
  if (text.size() > k_max_json) return;
  const auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) return;
  for (const auto& [key, value] : json.items())
    values.try_emplace(key, value.is_string() ? value.get<std::string>() : value.dump());
}

std::optional<AnnouncedScan> scan_of(std::uint64_t rows, std::uint64_t cols, std::uint64_t prescan) {
  constexpr std::uint64_t k_most = std::numeric_limits<std::uint32_t>::max();
  if (rows == 0 || cols == 0 || rows > k_most || cols > k_most || prescan > k_max_path_frames)
    return std::nullopt;
  const ScanShape scan{static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(cols)};
  if (scan.positions() > k_max_scan_positions) return std::nullopt;
  return AnnouncedScan{scan, prescan};
}

}  // namespace

std::optional<AnnouncedScan> announced_scan(const std::map<std::string, std::string>& metadata) {
  Values values;
  for (auto at = metadata.lower_bound(std::string(k_prefix));
       at != metadata.end() && at->first.starts_with(k_prefix); ++at)
    values[at->first.substr(k_prefix.size())] = at->second;
  for (const char* text : {"user_data", "header_appendix"})
    if (const auto found = metadata.find(text); found != metadata.end()) add_json(found->second, values);
  const auto number = [&](const char* key) {
    const auto found = values.find(key);
    return found == values.end() ? 0 : number_of(found->second);
  };
  if (auto arina = scan_of(number("NumPixelsY"), number("NumPixelsX"), number("NumPixelsPrescan")))
    return arina;
  if (auto plain = scan_of(number("scan_rows"), number("scan_cols"), 0)) return plain;
  const auto shape = values.find("scan_shape");  // "[rows,cols]"
  if (shape == values.end() || shape->second.size() < 5) return std::nullopt;
  const std::string_view text = std::string_view(shape->second).substr(1, shape->second.size() - 2);
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  return scan_of(number_of(text.substr(0, comma)), number_of(text.substr(comma + 1)), 0);
}

std::optional<ScanPath> path_of(const AnnouncedScan& announced, std::uint64_t frames) {
  ScanPath path;
  if (frames == announced.scan.positions() + announced.prescan)
    path.lead_in = announced.prescan;
  else if (frames == announced.scan.rows * (announced.scan.cols + announced.prescan))
    path.fly_back = announced.prescan;
  else
    return std::nullopt;
  return path;
}

}  // namespace bragglive::dectris
