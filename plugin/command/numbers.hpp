// Lists of numbers on the command line.
#pragma once
#include <string>
#include <vector>

#include "core/frame/error.hpp"

namespace bragglive::command {

// "1,2,3" (commas or blanks). With count > 0 exactly that many are required. `option` names the culprit in
// messages.
Expected<std::vector<double>> parse_numbers(const std::string& text, std::size_t count, const char* option);

// "20", "5,10,20" or "first:last:step" (last included when a step reaches it); also a mixture, "5,10:100:10".
// At most 10,000 values.
Expected<std::vector<double>> parse_ranges(const std::string& text, const char* option);

}  // namespace bragglive::command
