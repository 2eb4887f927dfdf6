#include "core/label/confidence_table.hpp"

#include <algorithm>
#include <numeric>

namespace bragglive {

float ConfidenceTable::at(float p) const noexcept {
  if (empty()) return p;
  const auto above = std::upper_bound(probability.begin(), probability.end(), p);
  if (above == probability.begin()) return right.front();
  if (above == probability.end()) return right.back();
  const auto i = static_cast<std::size_t>(above - probability.begin());
  const float share = (p - probability[i - 1]) / (probability[i] - probability[i - 1]);
  return right[i - 1] + share * (right[i] - right[i - 1]);
}

Expected<void> ConfidenceTable::check() const {
  constexpr std::size_t k_most = 256;
  const auto rises = [](const std::vector<float>& values) {
    return std::is_sorted(values.begin(), values.end()) &&
           std::all_of(values.begin(), values.end(), [](float v) { return v >= 0 && v <= 1; });
  };
  if (probability.size() != right.size() || probability.size() > k_most || !rises(probability) ||
      !rises(right))
    return fail(ErrorArea::format, "model: its table of confidences is not a rising curve in [0, 1]");
  return {};
}

ConfidenceTable fit_confidence(std::span<const float> probability, std::span<const std::uint8_t> right,
                               std::size_t knots) {
  constexpr std::size_t k_least = 200;
  ConfidenceTable out;
  if (probability.size() < k_least) return out;
  std::vector<std::size_t> order(probability.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return probability[a] < probability[b]; });
  // Groups of equal weight first: a curve through single answers would be all noise.
  struct Block {
    double probability = 0, right = 0, weight = 0;
  };
  std::vector<Block> blocks;
  const std::size_t groups = std::min(knots, order.size() / 50);
  for (std::size_t g = 0; g < groups; ++g) {
    Block block;
    for (std::size_t i = g * order.size() / groups; i < (g + 1) * order.size() / groups; ++i) {
      block.probability += static_cast<double>(probability[order[i]]);
      block.right += right[order[i]];
      block.weight += 1;
    }
    blocks.push_back(block);
    while (blocks.size() > 1 && blocks.back().right * blocks[blocks.size() - 2].weight <=
                                    blocks[blocks.size() - 2].right * blocks.back().weight) {
      const Block last = blocks.back();
      blocks.pop_back();
      blocks.back().probability += last.probability;
      blocks.back().right += last.right;
      blocks.back().weight += last.weight;
    }
  }
  for (const Block& block : blocks) {
    out.probability.push_back(static_cast<float>(block.probability / block.weight));
    out.right.push_back(static_cast<float>(block.right / block.weight));
  }
  return out;
}

}  // namespace bragglive
