// The one-line text of a feature set: "kind key=value key=value ...".
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/frame/error.hpp"

namespace bragglive {

struct FeatureDefinition {
  std::string kind;
  std::map<std::string, std::string, std::less<>> values;
};

// Fails on an empty text, a word without '=', a key given twice or a text above 4 KiB.
Expected<FeatureDefinition> parse_feature_definition(std::string_view text);

// Shortest decimal text that reads back to the same double; independent of the locale.
std::string number_text(double value);

// Takes `key` out of `definition` and writes it to `value`; leaves `value` alone when the key is absent.
Expected<void> take_number(FeatureDefinition& definition, std::string_view key, double& value);
Expected<void> take_count(FeatureDefinition& definition, std::string_view key, std::uint32_t& value);

// FNV-1a, 64 bits: the hash of a definition in model files.
std::uint64_t hash_of_definition(std::string_view definition) noexcept;

}  // namespace bragglive
