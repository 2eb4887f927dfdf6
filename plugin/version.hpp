// The version that results, models and --version name.
#pragma once

namespace bragglive {

constexpr const char* k_version = "0.1.0";

}  // namespace bragglive
