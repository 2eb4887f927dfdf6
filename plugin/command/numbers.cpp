#include "plugin/command/numbers.hpp"

#include <charconv>
#include <cmath>

namespace bragglive::command {
namespace {

constexpr std::size_t k_max_values = 10000;

std::vector<std::string> split(const std::string& text, const char* separators) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

Expected<double> number(const std::string& text, const char* option) {
  double value = 0;
  const char* first = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, status] = std::from_chars(first, text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return fail(ErrorArea::usage, "{}: \"{}\" is not a number", option, text);
  return value;
}

Expected<void> add_range(const std::vector<std::string>& bounds, const std::string& text, const char* option,
                         std::vector<double>& values) {
  double parts[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const auto value = number(bounds[i], option);
    if (!value) return tl::unexpected(value.error());
    parts[i] = *value;
  }
  if (!(parts[2] > 0) || parts[1] < parts[0])
    return fail(ErrorArea::usage, "{}: \"{}\" is no range first:last:step with first <= last and step > 0",
                option, text);
  const double steps = std::floor((parts[1] - parts[0]) / parts[2] + 1e-9);
  if (steps + double(values.size()) >= double(k_max_values))
    return fail(ErrorArea::usage, "{}: \"{}\" holds more than {} values", option, text, k_max_values);
  for (int i = 0; i <= static_cast<int>(steps); ++i) values.push_back(parts[0] + i * parts[2]);
  return {};
}

}  // namespace

Expected<std::vector<double>> parse_numbers(const std::string& text, std::size_t count, const char* option) {
  std::vector<double> values;
  for (const std::string& part : split(text, ", \t")) {
    const auto value = number(part, option);
    if (!value) return tl::unexpected(value.error());
    values.push_back(*value);
  }
  if (count > 0 && values.size() != count)
    return fail(ErrorArea::usage, "{}: {} numbers are needed, \"{}\" has {}", option, count, text,
                values.size());
  return values;
}

Expected<std::vector<double>> parse_ranges(const std::string& text, const char* option) {
  std::vector<double> values;
  for (const std::string& part : split(text, ", \t")) {
    const auto bounds = split(part, ":");
    if (bounds.size() == 3) {
      if (auto ok = add_range(bounds, part, option, values); !ok) return tl::unexpected(ok.error());
      continue;
    }
    const auto value = number(part, option);
    if (!value) return tl::unexpected(value.error());
    values.push_back(*value);
  }
  if (values.empty() || values.size() > k_max_values)
    return fail(ErrorArea::usage, "{}: between 1 and {} values are needed, \"{}\" has {}", option,
                k_max_values, text, values.size());
  return values;
}

}  // namespace bragglive::command
