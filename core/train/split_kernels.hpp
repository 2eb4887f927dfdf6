// The best cut of one feature in one node of a tree. Small nodes: every value is tried as the cut and all are
// compared with it at once; larger ones: a histogram. The same bits with and without AVX2.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bragglive::detail {

struct Cut {
  double gain = -1;            // Σ L_k²/n_L + Σ R_k²/n_R; -1 = no cut leaves enough on both sides
  std::uint8_t last_left = 0;  // the occupied bin that goes left last
};

// Samples of a small node in the order of their classes.
struct SmallNode {
  static constexpr std::size_t k_lanes = 32;
  static constexpr std::size_t k_most = 192;  // samples
  static constexpr std::uint32_t k_most_weight = 255;

  std::uint32_t samples = 0, classes = 0, weight = 0;
  alignas(32) std::array<std::uint8_t, k_most> weights{};
  std::array<std::uint8_t, k_most> class_end{}, class_weight{};  // per class
};

// `bins`: of the samples, then 255 up to a multiple of k_lanes.
Cut best_cut(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf);

// Weight by bin and class: counts[bin * stride + class], stride a multiple of 8, at most k_most_weight in
// all. Adds the counts up in place. `totals`: weight of each class, stride of them.
struct MediumNode {
  static constexpr std::uint32_t k_most_weight = 32767;
};
Cut best_cut(const std::uint16_t* counts, std::size_t stride, const std::uint16_t* totals,
             std::uint32_t weight, std::uint32_t min_leaf);
// The same for any weight.
Cut best_cut(const std::uint32_t* counts, std::size_t stride, const std::uint32_t* totals,
             std::uint64_t weight, std::uint32_t min_leaf);

// The order of at most k_most_ranked bytes, equal ones as they stand: order[rank] = index. `bins` as above.
constexpr std::size_t k_most_ranked = 128;
void rank_bytes(const std::uint8_t* bins, std::size_t count, std::uint8_t* order);

}  // namespace bragglive::detail
