#include "core/features/definition.hpp"

#include <charconv>

namespace bragglive {

Expected<FeatureDefinition> parse_feature_definition(std::string_view text) {
  constexpr std::size_t k_longest = 4096;
  if (text.size() > k_longest)
    return fail(ErrorArea::format, "the feature definition has {} characters, at most {} are read",
                text.size(), k_longest);
  FeatureDefinition out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (out.kind.empty()) {
      out.kind = word;
      continue;
    }
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      return fail(ErrorArea::format, "feature definition: '{}' is not of the form key=value", word);
    if (!out.values.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      return fail(ErrorArea::format, "feature definition: '{}' is given twice", word.substr(0, equals));
  }
  if (out.kind.empty()) return fail(ErrorArea::format, "the feature definition is empty");
  return out;
}

std::string number_text(double value) {
  char text[32];
  const auto result = std::to_chars(text, text + sizeof text, value);
  return std::string(text, result.ptr);
}

Expected<void> take_number(FeatureDefinition& definition, std::string_view key, double& value) {
  const auto found = definition.values.find(key);
  if (found == definition.values.end()) return {};
  const std::string& text = found->second;
  double read = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), read);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size())
    return fail(ErrorArea::format, "feature definition: {}={} is not a number", key, text);
  value = read;
  definition.values.erase(found);
  return {};
}

Expected<void> take_count(FeatureDefinition& definition, std::string_view key, std::uint32_t& value) {
  const auto found = definition.values.find(key);
  if (found == definition.values.end()) return {};
  const std::string& text = found->second;
  std::uint32_t read = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), read);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size())
    return fail(ErrorArea::format, "feature definition: {}={} is not a count", key, text);
  value = read;
  definition.values.erase(found);
  return {};
}

std::uint64_t hash_of_definition(std::string_view definition) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : definition) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace bragglive
