// Random numbers as a pure function of (key, counter): the same whatever the thread count and the order of
// work.
#pragma once
#include <cstdint>

namespace bragglive {

// SplitMix64's finaliser (Steele, Lea & Flood 2014): a bijection whose output passes the usual statistical
// batteries.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

constexpr std::uint64_t k_golden_gamma = 0x9e3779b97f4a7c15ULL;

// A key that differs in every bit when any of its parts does.
constexpr std::uint64_t random_key(std::uint64_t seed, std::uint64_t stream, std::uint64_t item = 0) {
  return mix64(mix64(mix64(seed + k_golden_gamma) ^ (stream * 0xd1342543de82ef95ULL + 1)) +
               item * k_golden_gamma);
}

// A stream of numbers for one key.
class CounterRandom {
 public:
  explicit constexpr CounterRandom(std::uint64_t key) : state_(key) {}
  constexpr std::uint64_t bits() { return mix64(state_ += k_golden_gamma); }
  // Uniform in (0, 1): never exactly 0, so that its logarithm is finite.
  constexpr double uniform() { return (static_cast<double>(bits() >> 12) + 0.5) * 0x1p-52; }
  constexpr double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal();  // standard normal (Box-Muller, one of the pair)

 private:
  std::uint64_t state_;
};

}  // namespace bragglive
