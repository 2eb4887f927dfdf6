// Where the reference numbers and recordings lie that tests may read but the project does not carry.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/catch.hpp"

namespace bragglive::test {

// BRAGGLIVE_SHARED overrides the place; the default is ../shared beside the project.
inline std::filesystem::path shared_path(const std::string& relative) {
  const char* place = std::getenv("BRAGGLIVE_SHARED");
  const std::filesystem::path root =
      place ? std::filesystem::path(place) : std::filesystem::path(BRAGGLIVE_SOURCE_DIR) / ".." / "shared";
  return root / relative;
}

// True when the file is there; otherwise prints one line that the runner counts as "skipped".
inline bool have_shared(const std::string& relative) {
  if (std::filesystem::exists(shared_path(relative))) return true;
  WARN("SKIPPED: " << shared_path(relative).string() << " is not here (set BRAGGLIVE_SHARED)");
  return false;
}

}  // namespace bragglive::test
