// How fast the demo specimen is: set-up, frames per second of one thread, and the Poisson counts beside
// std::poisson_distribution.
#include <cstdio>
#include <ctime>
#include <random>

#include "core/bloch/scan/poisson_sampler.hpp"
#include "streams/demo/demo_source.hpp"

using namespace bragglive;

namespace {

// CPU time of the process: everything here runs on one thread, and other programs must not count.
double seconds_since(std::clock_t begin) {
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

}  // namespace

int main() {
  auto recipe = demo_recipe("demo:gold");
  if (!recipe) return 1;
  auto begin = std::clock();
  const auto simulation = ScanSimulation::create(std::move(*recipe), 1);
  if (!simulation) return 1;
  const double setup = seconds_since(begin);
  std::printf("set-up of %zu grains, one thread: %.3f s; limit 1 s; ratio %.2f\n",
              simulation->grains().size(), setup, 1 / setup);

  ScanSimulation::Scratch scratch;
  std::vector<std::byte> frame(simulation->frame_bytes());
  std::size_t frames = 0;
  begin = std::clock();
  do {
    simulation->frame(frames * 37 % simulation->recipe().scan.positions(), scratch, frame);
    ++frames;
  } while (seconds_since(begin) < 1);
  const double rate = static_cast<double>(frames) / seconds_since(begin);
  std::printf("frames, one thread: %.0f/s; goal 3000/s; ratio %.2f\n", rate, rate / 3000);

  // The same expected frame, counted by both.
  const auto expected = scratch.renderer.expected;
  const PoissonSampler sampler;
  std::vector<std::uint16_t> counts(expected.size());
  begin = std::clock();
  constexpr int k_rounds = 200, k_peer_rounds = 10;
  for (int i = 0; i < k_rounds; ++i)
    sampler.fill<std::uint16_t>(expected, static_cast<std::uint64_t>(i), 65535, counts);
  const double ours = seconds_since(begin) / k_rounds;
  std::mt19937_64 random(1);
  begin = std::clock();
  for (int i = 0; i < k_peer_rounds; ++i)
    for (std::size_t k = 0; k < expected.size(); ++k)
      counts[k] = static_cast<std::uint16_t>(
          std::poisson_distribution<int>(static_cast<double>(expected[k]))(random));
  const double peer = seconds_since(begin) / k_peer_rounds;
  std::printf("Poisson counts of a 192x192 frame: %.0f us, std::poisson_distribution %.0f us; ratio %.1f\n",
              ours * 1e6, peer * 1e6, peer / ours);
  return 0;
}
