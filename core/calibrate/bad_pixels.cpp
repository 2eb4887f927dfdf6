#include "core/calibrate/bad_pixels.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace bragglive {

std::vector<std::uint32_t> find_bad_pixels(const RealImage& mean, std::uint64_t frames) {
  constexpr double k_certain = 6;
  std::vector<std::uint32_t> bad;
  const auto rows = static_cast<int>(mean.shape.rows);
  const auto cols = static_cast<int>(mean.shape.cols);
  const auto n = static_cast<double>(std::max<std::uint64_t>(frames, 1));
  for (int row = 0; row < rows; ++row)
    for (int col = 0; col < cols; ++col) {
      const std::uint32_t index = static_cast<std::uint32_t>(row * cols + col);
      const double value = mean.pixels[index];
      if (!std::isfinite(value)) {
        bad.push_back(index);
        continue;
      }
      std::array<double, 20> around{};
      std::size_t count = 0;
      for (int dr = -2; dr <= 2; ++dr)
        for (int dc = -2; dc <= 2; ++dc) {
          const int r = row + dr;
          const int c = col + dc;
          if ((dr == 0 && dc == 0) || std::abs(dr * dc) == 4 || r < 0 || c < 0 || r >= rows || c >= cols)
            continue;
          const double other = mean.at(static_cast<std::size_t>(r), static_cast<std::size_t>(c));
          if (std::isfinite(other)) around[count++] = other;
        }
      if (count < 5) continue;
      std::sort(around.begin(), around.begin() + static_cast<std::ptrdiff_t>(count));
      const double third_brightest = around[count - 3];
      const double third_darkest = around[2];
      const double noise = std::sqrt((std::max(third_brightest, 0.0) + 1 / n) / n);
      const bool hot = value > 1.5 * third_brightest + k_certain * noise + 2 / n;
      const bool dead = value < 0.2 * third_darkest && third_darkest * n > 50;
      if (hot || dead) bad.push_back(index);
    }
  return bad;
}

}  // namespace bragglive
