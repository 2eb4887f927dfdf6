#include <cmath>
#include <cstdint>
#include <vector>

#include "core/bloch/scan/poisson_sampler.hpp"
#include "tests/catch.hpp"

namespace bragglive {
namespace {

std::vector<std::uint32_t> draw_many(double mean, std::size_t n, std::uint64_t key) {
  const PoissonSampler sampler;
  const std::vector<float> means(n, static_cast<float>(mean));
  std::vector<std::uint32_t> counts(n);
  sampler.fill<std::uint32_t>(means, key, 0xffffffff, counts);
  return counts;
}

TEST_CASE("Poisson counts have the mean, variance and probabilities of the distribution") {
  constexpr std::size_t n = 400000;
  for (double mean : {0.003, 0.02, 0.031, 0.4, 1.0, 3.33, 7.97, 11.99, 12.0, 19.5, 150.0, 20000.0}) {
    CAPTURE(mean);
    const auto counts = draw_many(mean, n, 7);
    double sum = 0, squares = 0;
    for (auto c : counts) sum += c;
    const double average = sum / n;
    for (auto c : counts) squares += (c - average) * (c - average);
    // Five standard errors.
    CHECK(std::abs(average - mean) < 5 * std::sqrt(mean / n));
    CHECK(std::abs(squares / n - mean) < 5 * std::sqrt((mean + 2 * mean * mean) / n));
  }
}

TEST_CASE("Poisson counts pass a chi-square test against the exact probabilities") {
  constexpr std::size_t n = 400000;
  for (double mean : {0.05, 0.77, 2.5, 6.0, 11.7, 13.0, 40.0}) {
    CAPTURE(mean);
    const auto counts = draw_many(mean, n, 11);
    std::vector<double> seen(200, 0.0);
    for (auto c : counts) seen[std::min<std::size_t>(c, 199)] += 1;
    double chi2 = 0;
    int cells = 0;
    double p = std::exp(-mean);
    for (std::size_t k = 0; k < 150; ++k) {
      const double expected = p * n;
      if (expected >= 8) {
        chi2 += (seen[k] - expected) * (seen[k] - expected) / expected;
        ++cells;
      }
      p *= mean / static_cast<double>(k + 1);
    }
    CHECK(chi2 < cells + 5 * std::sqrt(2.0 * cells));
  }
}

TEST_CASE("Poisson counts depend on key and pixel alone, and a full counter holds") {
  const PoissonSampler sampler;
  const std::vector<float> means{0.5F, 4.0F, 100.0F, 0.0F, -1.0F, 1e9F};
  std::vector<std::uint16_t> a(6), b(6), c(6);
  sampler.fill<std::uint16_t>(means, 1, 65535, a);
  sampler.fill<std::uint16_t>(means, 1, 65535, b);
  sampler.fill<std::uint16_t>(means, 1, 90, c);
  CHECK(a == b);
  CHECK(a[3] == 0);
  CHECK(a[4] == 0);
  CHECK(a[5] == 65535);
  CHECK(c[5] == 90);
  CHECK(draw_many(5.0, 1000, 1) != draw_many(5.0, 1000, 2));
}

}  // namespace
}  // namespace bragglive
