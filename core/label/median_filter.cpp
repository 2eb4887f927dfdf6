#include "core/label/median_filter.hpp"

#include <algorithm>
#include <array>

#include "core/label/crystal_system.hpp"

namespace bragglive {

FilteredLabel filter_window(std::span<const std::uint8_t, k_filter_window> window_systems,
                            std::span<const float, k_filter_window> window_margins, int known,
                            std::uint32_t allowed) noexcept {
  const int more_than_half = known / 2 + 1;
  std::array<std::uint8_t, k_crystal_systems> count{};
  for (int i = 0; i < k_filter_window; ++i)
    if (window_margins[i] > 0 && window_systems[i] < k_crystal_systems) ++count[window_systems[i]];

  for (std::uint8_t system = 1; system < k_crystal_systems; ++system) {
    if (count[system] < more_than_half) continue;
    if (!(allowed >> system & 1u)) return {};
    std::array<float, k_filter_window> values;
    int n = 0;
    for (int i = 0; i < k_filter_window; ++i)
      if (window_margins[i] > 0 && window_systems[i] == system) values[n++] = window_margins[i];
    // The known - n zeros of this plane come first in the sorted window.
    auto* median = values.data() + (n - more_than_half);
    std::nth_element(values.data(), median, values.data() + n);
    return {system, *median};
  }
  return {};
}

}  // namespace bragglive
