#pragma once

namespace bragglive::indexing {

// Nearest whole number for |x| < 4 million; std::round is a library call without SSE4.1.
inline float nearest_whole(float x) {
  return (x + 12582912.0F) - 12582912.0F;
}

}  // namespace bragglive::indexing
