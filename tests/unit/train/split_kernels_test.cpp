#include "core/train/split_kernels.hpp"

#include <random>
#include <vector>

#include "core/forest/gather.hpp"
#include "tests/catch.hpp"

using namespace bragglive::detail;

namespace {

struct Node {
  SmallNode small;
  MediumNode medium;
  std::vector<std::uint8_t> bins, classes;
  std::vector<std::uint16_t> counts;
};

// `samples` in the order of their classes, in `width` neighbouring bins, so that many cuts are equally good.
Node random_node(std::uint32_t samples, std::uint32_t classes, std::uint32_t width, unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  Node node;
  node.bins.assign(SmallNode::k_most, 255);
  node.small.samples = samples;
  node.small.classes = classes;
  node.medium.pairs = (classes + 1) / 2;
  node.counts.assign(node.medium.pairs * MediumNode::k_pair, 0);
  for (std::uint32_t i = 0; i < samples; ++i) {
    const std::uint32_t one = i * classes / samples, weight = 1 + below(10) / 9,
                        bin = 256 - width + below(width);
    node.bins[i] = static_cast<std::uint8_t>(bin);
    node.small.weights[i] = static_cast<std::uint8_t>(weight);
    node.small.fourfold_weights[i] = weight * 0x01010101U;
    node.small.class_end[one] = static_cast<std::uint8_t>(i + 1);
    node.small.class_weight[one] = static_cast<std::uint8_t>(node.small.class_weight[one] + weight);
    node.small.weight += weight;
    node.medium.totals[one / 2] += weight << (one % 2 * 16);
    auto& count = node.counts[(one / 2 * 256 + bin) * 2 + one % 2];
    count = static_cast<std::uint16_t>(count + weight);
  }
  node.medium.weight = node.small.weight;
  node.medium.order = std::span<const std::uint8_t>(node.bins).first(samples);
  return node;
}

}  // namespace

TEST_CASE("every way of searching a node comes to the same cut") {
  const auto samples = GENERATE(2U, 3U, 15U, 16U, 17U, 33U, 63U, 64U, 65U, 192U);
  const auto width = GENERATE(2U, 5U, 256U);
  const auto min_leaf = GENERATE(1U, 4U);
  for (const std::uint32_t classes : {1U, 2U, 3U, 6U})
    for (unsigned seed = 0; seed < 20; ++seed) {
      if (classes > samples) continue;
      const Node node = random_node(samples, classes, width, seed);
      const Cut expected = best_cut_plain(node.small, node.bins.data(), min_leaf);
      std::vector<Cut> found = {best_cut(node.small, node.bins.data(), min_leaf),
                                best_cut_plain(node.medium, node.counts.data(), min_leaf),
                                best_cut(node.medium, node.counts.data(), min_leaf)};
      if (can_gather()) {
        found.push_back(best_cut_avx512(node.medium, node.counts.data(), min_leaf));
        if (samples <= k_most_avx512)
          found.push_back(best_cut_avx512(node.small, node.bins.data(), min_leaf));
      }
      for (const Cut& cut : found) {
        CHECK(cut.gain == expected.gain);
        CHECK(cut.last_left == expected.last_left);
      }
    }
}
