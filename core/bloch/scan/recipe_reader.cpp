#include "core/bloch/scan/recipe_reader.hpp"

#include <cmath>

namespace bragglive {

void RecipeReader::wrong(std::string message) {
  if (!error_) error_ = Error{ErrorArea::format, fmt::format("{}: {}", where_, std::move(message))};
}

const toml::node* RecipeReader::find(std::string_view key) {
  known_.emplace(key);
  return table_ ? table_->get(key) : nullptr;
}

void RecipeReader::number(std::string_view key, double& out, double low, double high) {
  const toml::node* node = find(key);
  if (!node) return;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (!value) return wrong(fmt::format("{} must be a number", key));
  if (!(*value >= low && *value <= high))
    return wrong(fmt::format("{} is {}, must lie between {} and {}", key, *value, low, high));
  out = *value;
}

void RecipeReader::integer(std::string_view key, std::uint32_t& out, std::uint32_t low, std::uint32_t high) {
  const toml::node* node = find(key);
  if (!node) return;
  const auto value = node->is_integer() ? node->value<std::int64_t>() : std::nullopt;
  if (!value) return wrong(fmt::format("{} must be a whole number", key));
  if (*value < low || *value > high)
    return wrong(fmt::format("{} is {}, must lie between {} and {}", key, *value, low, high));
  out = static_cast<std::uint32_t>(*value);
}

void RecipeReader::boolean(std::string_view key, bool& out) {
  const toml::node* node = find(key);
  if (!node) return;
  const auto value = node->is_boolean() ? node->value<bool>() : std::nullopt;
  if (!value) return wrong(fmt::format("{} must be true or false", key));
  out = *value;
}

void RecipeReader::text(std::string_view key, std::string& out) {
  const toml::node* node = find(key);
  if (!node) return;
  const auto value = node->is_string() ? node->value<std::string>() : std::nullopt;
  if (!value) return wrong(fmt::format("{} must be a text in quotes", key));
  out = *value;
}

bool RecipeReader::number_list(const toml::node* node, std::size_t size, std::vector<double>& out) const {
  const toml::array* array = node->as_array();
  if (!array || array->size() != size) return false;
  out.clear();
  for (const toml::node& item : *array) {
    const auto value = item.is_number() ? item.value<double>() : std::nullopt;
    if (!value || !std::isfinite(*value)) return false;
    out.push_back(*value);
  }
  return true;
}

bool RecipeReader::numbers(std::string_view key, std::size_t size, std::vector<double>& out) {
  const toml::node* node = find(key);
  if (!node) return false;
  if (number_list(node, size, out)) return true;
  wrong(fmt::format("{} must be a list of {} numbers", key, size));
  return false;
}

void RecipeReader::rows(std::string_view key, std::size_t size, std::vector<std::vector<double>>& out) {
  const toml::node* node = find(key);
  if (!node) return;
  out.clear();
  const toml::array* array = node->as_array();
  bool good = array != nullptr;
  if (good)
    for (const toml::node& item : *array) good = good && number_list(&item, size, out.emplace_back());
  if (!good) wrong(fmt::format("{} must be a list of lists of {} numbers", key, size));
}

const toml::table* RecipeReader::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node && !node->is_table()) wrong(fmt::format("{} must be a table", key));
  return node ? node->as_table() : nullptr;
}

std::vector<const toml::table*> RecipeReader::tables(std::string_view key) {
  const toml::node* node = find(key);
  if (!node) return {};
  if (node->is_table()) return {node->as_table()};
  std::vector<const toml::table*> found;
  if (const toml::array* array = node->as_array())
    for (const toml::node& item : *array)
      if (item.is_table()) found.push_back(item.as_table());
  if (found.empty()) wrong(fmt::format("{} must be a table or a list of tables", key));
  return found;
}

void RecipeReader::require(std::string_view key) {
  if (!has(key)) wrong(fmt::format("{} is missing", key));
}

void RecipeReader::finish() {
  if (!table_) return;
  for (const auto& [key, node] : *table_) {
    if (known_.find(key.str()) != known_.end()) continue;
    std::string list;
    for (const std::string& name : known_) list += (list.empty() ? "" : ", ") + name;
    return wrong(
        fmt::format("there is no {} (line {}); known: {}", key.str(), node.source().begin.line, list));
  }
}

}  // namespace bragglive
