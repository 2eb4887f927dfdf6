// Reads one table of a TOML recipe: types, ranges and unknown keys are checked, the first mistake is kept.
// Internal.
#pragma once
#undef TOML_SHARED_LIB
#undef TOML_HEADER_ONLY
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/frame/error.hpp"

namespace bragglive {

class RecipeReader {
 public:
  // A null table reads as an empty one. `where`: "FILE: [table]".
  RecipeReader(const toml::table* table, std::string where, std::optional<Error>& error)
      : table_(table), where_(std::move(where)), error_(error) {}

  bool has(std::string_view key) const { return table_ && table_->contains(key); }
  // Each leaves `out` as it is when the key is missing.
  void number(std::string_view key, double& out, double low, double high);
  void integer(std::string_view key, std::uint32_t& out, std::uint32_t low, std::uint32_t high);
  void boolean(std::string_view key, bool& out);
  void text(std::string_view key, std::string& out);
  // A list of exactly `size` numbers; false when missing or wrong.
  bool numbers(std::string_view key, std::size_t size, std::vector<double>& out);
  // A list of lists of `size` numbers each.
  void rows(std::string_view key, std::size_t size, std::vector<std::vector<double>>& out);
  const toml::table* table(std::string_view key);
  std::vector<const toml::table*> tables(std::string_view key);  // [[key]] or [key]
  void require(std::string_view key);
  // Call last: refuses the keys that nothing asked for.
  void finish();

  // Keeps the first error only.
  void wrong(std::string message);
  const std::string& where() const { return where_; }
  std::optional<Error>& error() { return error_; }

 private:
  const toml::node* find(std::string_view key);
  bool number_list(const toml::node* node, std::size_t size, std::vector<double>& out) const;

  const toml::table* table_;
  std::string where_;
  std::optional<Error>& error_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace bragglive
