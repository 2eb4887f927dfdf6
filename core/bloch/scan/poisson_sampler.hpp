// Poisson counts, exact and fast enough to fill a detector frame.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/bloch/scan/counter_random.hpp"

namespace bragglive {

// Poisson(mean) = Poisson(level) + Poisson(rest) with `level` the next lower multiple of 1/32: the first is
// one look-up in an alias table (Walker 1977; probabilities resolved to 2^-30), the second is almost always
// 0. Means of 12 and more: transformed rejection (Hoermann 1993, PTRS), exact.
class PoissonSampler {
 public:
  PoissonSampler();
  // counts[i] ~ Poisson(mean[i]), a function of (key, i) alone. A mean that is not > 0 gives 0. Counts above
  // `max_count` become max_count (a full counter). counts.size() == mean.size().
  template <class Count>
  void fill(std::span<const float> mean, std::uint64_t key, std::uint32_t max_count,
            std::span<Count> counts) const noexcept;
  // One number from a stream.
  std::uint32_t draw(double mean, CounterRandom& random) const noexcept;

 private:
  static constexpr int k_outcomes = 64;  // P(k > 63 | mean 12) = 1e-24
  static constexpr int k_levels_per_unit = 32;
  static constexpr int k_max_mean = 12;
  std::uint32_t small(float mean, std::uint64_t bits) const noexcept;
  std::vector<std::uint32_t> alias_;  // [level][outcome]: threshold << 8 | other outcome
};

}  // namespace bragglive
