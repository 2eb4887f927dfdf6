// What a mean leaf probability is worth: how often labels with it were right on materials that the trees had
// not seen.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/frame/error.hpp"

namespace bragglive {

// Answers of a quality forest.
enum class PatternQuality : std::uint8_t { single = 0, mixed = 1, unlike = 2 };

// Piecewise linear through (probability, right); both rise and lie in [0, 1].
struct ConfidenceTable {
  std::vector<float> probability, right;

  bool empty() const { return probability.empty(); }
  float at(float p) const noexcept;
  // Refuses lengths that differ, more than 256 knots, and numbers that fall or leave [0, 1].
  Expected<void> check() const;
};

// Isotonic regression (pool adjacent violators), then at most `knots` points of equal weight. `right` beside
// `probability`. Fewer than 200 answers give no table.
ConfidenceTable fit_confidence(std::span<const float> probability, std::span<const std::uint8_t> right,
                               std::size_t knots = 24);

}  // namespace bragglive
