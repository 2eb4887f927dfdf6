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
  std::array<std::uint32_t, k_most> fourfold_weights{};          // the weight in each of four bytes
  std::array<std::uint8_t, k_most> class_end{}, class_weight{};  // per class
};

// `bins`: of the samples, then 255 up to a multiple of k_lanes. Of equal cuts that of the first sample.
Cut best_cut(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf);

// Classes go by twos: counts[(pair * 256 + bin) * 2 + 0 or 1] is the weight of a class in a bin.
struct MediumNode {
  static constexpr std::uint32_t k_most_weight = 32767;
  static constexpr std::size_t k_pair = 512;

  std::uint32_t weight = 0, pairs = 0;
  std::array<std::uint32_t, 128>
      totals{};  // per pair: the weight of the first class + that of the second << 16
  // Bins of the samples. Of equal cuts the one whose bin is here first; none given: the lowest bin.
  std::span<const std::uint8_t> order;
  double to_beat = -1;  // gains up to this one are of no use: no cut

  // counts[(class / 2 * 256 + bin) * 2 + class % 2] of one bin hold all of the weight.
  bool all_in(std::uint8_t bin, const std::uint16_t* counts) const {
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      std::uint32_t both = 0;
      __builtin_memcpy(&both, counts + pair * k_pair + std::size_t{2} * bin, sizeof both);
      if (both != totals[pair]) return false;
    }
    return true;
  }
  Cut first_of(const std::int32_t* gains, std::int32_t highest) const;  // 256 gains as bits
};
Cut best_cut(const MediumNode& node, const std::uint16_t* counts, std::uint32_t min_leaf);

// The two above as they are without AVX-512, and with it: only where can_gather(); up to 64 samples.
constexpr std::size_t k_most_avx512 = 64;
Cut best_cut_plain(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf);
Cut best_cut_plain(const MediumNode& node, const std::uint16_t* counts, std::uint32_t min_leaf);
Cut best_cut_avx512(const SmallNode& node, const std::uint8_t* bins, std::uint32_t min_leaf);
Cut best_cut_avx512(const MediumNode& node, const std::uint16_t* counts, std::uint32_t min_leaf);

// Any weight: counts[bin * stride + class], totals[class].
Cut best_cut(const std::uint32_t* counts, std::size_t stride, const std::uint32_t* totals,
             std::uint64_t weight, std::uint32_t min_leaf);

// The order of at most k_most_ranked bytes, equal ones as they stand: order[rank] = index. `bins` as above.
constexpr std::size_t k_most_ranked = 128;
void rank_bytes(const std::uint8_t* bins, std::size_t count, std::uint8_t* order);

}  // namespace bragglive::detail
