#include "core/bloch/scan/poisson_sampler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace bragglive {

double CounterRandom::normal() {
  const double radius = std::sqrt(-2.0 * std::log(uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

namespace {

// ln(k!), without std::lgamma: that one writes a global. Stirling's series is good to 1e-12 from k = 16.
double log_factorial(double k) {
  static constexpr std::array<double, 16> k_small = {0.0,
                                                     0.0,
                                                     0.6931471805599453,
                                                     1.791759469228055,
                                                     3.1780538303479458,
                                                     4.787491742782046,
                                                     6.579251212010101,
                                                     8.525161361065415,
                                                     10.60460290274525,
                                                     12.801827480081469,
                                                     15.104412573075516,
                                                     17.502307845873887,
                                                     19.987214495661885,
                                                     22.552163853123425,
                                                     25.19122118273868,
                                                     27.89927138384089};
  if (k < 16) return k_small[static_cast<std::size_t>(k)];
  const double x = k + 1;
  const double inverse = 1 / (x * x);
  return (x - 0.5) * std::log(x) - x + 0.5 * std::log(2 * std::numbers::pi) +
         (1.0 / 12 - inverse * (1.0 / 360 - inverse * (1.0 / 1260 - inverse / 1680))) / x;
}

// Hoermann, Insurance: Mathematics and Economics 12 (1993) 39, algorithm PTRS, valid from a mean of 10.
double transformed_rejection(double mean, CounterRandom& random) {
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2);
  const double log_mean = std::log(mean);
  for (;;) {
    const double u = random.uniform() - 0.5;
    double v = random.uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    v = v * inverse_alpha / (a / (us * us) + b);
    if (std::log(v) <= k * log_mean - mean - log_factorial(k)) return k;
  }
}

// Inversion for the small remainder, u uniform in [0, 1).
std::uint32_t inversion(double mean, double u) {
  double p = std::exp(-mean);
  std::uint32_t k = 0;
  while (u >= p && k < 64) {
    u -= p;
    p *= mean / ++k;
  }
  return k;
}

}  // namespace

PoissonSampler::PoissonSampler() : alias_(std::size_t{k_max_mean} * k_levels_per_unit * k_outcomes) {
  for (int level = 0; level < k_max_mean * k_levels_per_unit; ++level) {
    const double mean = static_cast<double>(level) / k_levels_per_unit;
    std::array<double, k_outcomes> p{};
    double sum = 0;
    for (int k = 0; k < k_outcomes; ++k) {
      const double log_p = mean > 0 ? k * std::log(mean) - mean - log_factorial(k) : (k == 0 ? 0.0 : -1e9);
      sum += p[static_cast<std::size_t>(k)] = std::exp(log_p);
    }
    for (double& value : p) value *= k_outcomes / sum;
    std::uint32_t* row = alias_.data() + std::size_t(level) * k_outcomes;
    std::array<bool, k_outcomes> done{};
    // Walker's construction: pair what is below average with the largest that is above it.
    for (int step = 0; step < k_outcomes; ++step) {
      int poor = -1, rich = -1;
      for (int k = 0; k < k_outcomes; ++k) {
        const auto i = static_cast<std::size_t>(k);
        if (done[i]) continue;
        if (poor < 0 || p[i] < p[static_cast<std::size_t>(poor)]) poor = k;
        if (rich < 0 || p[i] > p[static_cast<std::size_t>(rich)]) rich = k;
      }
      const auto i = static_cast<std::size_t>(poor), j = static_cast<std::size_t>(rich);
      const double share = std::clamp(p[i], 0.0, 1.0);
      const auto threshold = static_cast<std::uint32_t>(std::lround(share * 0xffffff));
      row[i] = (threshold << 8) | static_cast<std::uint32_t>(rich);
      done[i] = true;
      if (i != j) p[j] -= 1.0 - share;
    }
  }
}

inline std::uint32_t PoissonSampler::small(float mean, std::uint64_t bits) const noexcept {
  const int level = static_cast<int>(mean * k_levels_per_unit);
  const float rest = mean - static_cast<float>(level) * (1.0F / k_levels_per_unit);
  const auto outcome = static_cast<std::uint32_t>(bits & (k_outcomes - 1));
  const std::uint32_t entry = alias_[static_cast<std::size_t>(level) * k_outcomes + outcome];
  std::uint32_t count = ((bits >> 8) & 0xffffff) < (entry >> 8) ? outcome : (entry & 0xff);
  // u >= 1 - exp(-rest) means 0, and 1 - exp(-rest) < rest: the exponential is rarely needed.
  const float u = static_cast<float>(static_cast<std::int32_t>(bits >> 33)) * 0x1p-31F;
  if (u < rest) [[unlikely]]
    count += inversion(static_cast<double>(rest), 1.0 - static_cast<double>(u));
  return count;
}

std::uint32_t PoissonSampler::draw(double mean, CounterRandom& random) const noexcept {
  if (!(mean > 0)) return 0;
  if (mean < k_max_mean) return small(std::min(static_cast<float>(mean), 11.999999F), random.bits());
  const double count = transformed_rejection(std::min(mean, 1e15), random);
  return static_cast<std::uint32_t>(std::min(count, double{std::numeric_limits<std::uint32_t>::max()}));
}

template <class Count>
void PoissonSampler::fill(std::span<const float> mean, std::uint64_t key, std::uint32_t max_count,
                          std::span<Count> counts) const noexcept {
  std::uint64_t counter = key;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const std::uint64_t bits = mix64(counter += k_golden_gamma);
    std::uint32_t count = 0;
    if (mean[i] > 0 && mean[i] < k_max_mean) [[likely]] {
      count = small(mean[i], bits);
    } else if (mean[i] > 0) {
      CounterRandom random(bits);
      count = draw(static_cast<double>(mean[i]), random);
    }
    counts[i] = static_cast<Count>(std::min(count, max_count));
  }
}

template void PoissonSampler::fill(std::span<const float>, std::uint64_t, std::uint32_t,
                                   std::span<std::uint8_t>) const noexcept;
template void PoissonSampler::fill(std::span<const float>, std::uint64_t, std::uint32_t,
                                   std::span<std::uint16_t>) const noexcept;
template void PoissonSampler::fill(std::span<const float>, std::uint64_t, std::uint32_t,
                                   std::span<std::uint32_t>) const noexcept;

}  // namespace bragglive
