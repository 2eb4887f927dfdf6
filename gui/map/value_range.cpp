#include "gui/map/value_range.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive::gui {
namespace {
constexpr double k_sample = 40000;
}

std::optional<ValueRange> range_of(const MapSnapshot& map, MapMode mode) {
  if (info_of(mode).fixed_range) return ValueRange{0, 1};
  // The same step in both directions; a plain stride over the index could walk along a column for ever.
  const auto step = static_cast<std::size_t>(
      std::max(1.0, std::ceil(std::sqrt(static_cast<double>(map.scan.positions()) / k_sample))));
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(k_sample) * 2);
  for (std::size_t r = 0; r < map.rows.size(); r += step)
    for (std::size_t c = 0; c < map.scan.cols; c += step) {
      const float v = value_at(*map.rows[r], c, mode);
      if (std::isfinite(v)) values.push_back(v);
    }
  if (values.empty()) return std::nullopt;
  const auto percentile = [&](double p) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(p * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
  };
  ValueRange range{percentile(0.01), percentile(0.99)};
  if (info_of(mode).decimals == 0 && mode == MapMode::disk_count) range.low = 0;
  if (!(range.high > range.low)) {  // one value everywhere: put it in the middle
    const float half = std::max(0.5F, 0.01F * std::abs(range.low));
    range = {range.low - half, range.high + half};
  }
  return range;
}

bool worth_changing(const ValueRange& current, const ValueRange& wanted) {
  const float slack = 0.03F * (current.high - current.low);
  return std::abs(current.low - wanted.low) > slack || std::abs(current.high - wanted.high) > slack;
}

}  // namespace bragglive::gui
