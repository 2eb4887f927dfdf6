// Gini splits. For counts L_k, R_k on the two sides the weighted impurity falls as Σ L_k²/n_L + Σ R_k²/n_R
// grows.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "core/train/tree_builder.hpp"

namespace bragglive::detail {

class ClassPolicy {
 public:
  using Leaves = std::vector<std::uint32_t>;  // leaf words

  explicit ClassPolicy(std::uint32_t classes) : classes_(classes), total_(classes), left_(classes) {
    if (classes <= k_few) histogram_.resize(256 * k_few);
  }

  void enter(std::span<const Sample> here) {
    std::fill(total_.begin(), total_.end(), 0U);
    for (const Sample& sample : here) total_[sample.one] += sample.weight;
    weight_ = 0;
    squares_ = 0;
    pure_ = false;
    for (const std::uint32_t count : total_) weight_ += count, squares_ += double{1} * count * count;
    for (const std::uint32_t count : total_) pure_ = pure_ || count == weight_;
  }
  std::uint64_t weight() const { return weight_; }
  bool pure() const { return pure_; }

  // Improves `best`; false when all samples lie in one bin.
  bool evaluate(std::span<const Sample> here, const std::uint8_t* column, std::uint32_t min_leaf,
                std::uint32_t feature, Split& best) {
    return here.size() >= k_histogram_from && classes_ <= k_few
               ? evaluate_histogram(here, column, min_leaf, feature, best)
               : evaluate_chains(here, column, min_leaf, feature, best);
  }

  std::uint32_t leaf(Leaves& leaves) const {
    std::uint32_t entries = 0, hard = 0, most = 0;
    for (std::uint32_t k = 0; k < classes_; ++k) {
      if (total_[k] > most) most = total_[k], hard = k;
      entries += total_[k] > 0 ? 1 : 0;
    }
    if (entries == 1) return k_pure_leaf | hard;
    const auto at = static_cast<std::uint32_t>(leaves.size());
    leaves.push_back(entries | hard << 16);
    for (std::uint32_t k = 0; k < classes_; ++k)
      if (total_[k] > 0) leaves.push_back(k << 24 | std::min(total_[k], k_max_leaf_count));
    return at;
  }

 private:
  static constexpr std::uint32_t k_few = 8;  // classes that fit the dense histogram
  static constexpr std::size_t k_histogram_from =
      512;  // samples from which filling 256 bins beats chaining them

  // Scores the cut behind `left_bin` for what stands in left_.
  void consider(double left_squares, double right_squares, std::uint64_t left_weight, std::uint32_t min_leaf,
                std::uint32_t feature, int left_bin, int next_bin, Split& best) const {
    const std::uint64_t right_weight = weight_ - left_weight;
    if (left_weight < min_leaf || right_weight < min_leaf) return;
    const double gain =
        left_squares / static_cast<double>(left_weight) + right_squares / static_cast<double>(right_weight);
    if (gain <= best.gain) return;
    // Empty bins between the two sides are shared out evenly.
    best = {gain, feature, static_cast<std::uint8_t>((left_bin + next_bin - 1) / 2)};
  }

  bool evaluate_histogram(std::span<const Sample> here, const std::uint8_t* column, std::uint32_t min_leaf,
                          std::uint32_t feature, Split& best) {
    std::fill(histogram_.begin(), histogram_.end(), 0U);
    for (const Sample& sample : here) histogram_[column[sample.row] * k_few + sample.one] += sample.weight;
    std::array<double, k_few> left{}, right{};
    for (std::uint32_t k = 0; k < classes_; ++k) right[k] = total_[k];
    std::uint64_t left_weight = 0;
    int previous = -1;
    for (int bin = 0; bin < 256; ++bin) {
      const std::uint32_t* const counts = &histogram_[static_cast<std::size_t>(bin) * k_few];
      std::uint32_t here_weight = 0;
      for (std::uint32_t k = 0; k < k_few; ++k) here_weight += counts[k];
      if (here_weight == 0) continue;
      if (previous >= 0) {
        double left_squares = 0, right_squares = 0;
        for (std::uint32_t k = 0; k < k_few; ++k)
          left_squares += left[k] * left[k], right_squares += right[k] * right[k];
        consider(left_squares, right_squares, left_weight, min_leaf, feature, previous, bin, best);
      }
      for (std::uint32_t k = 0; k < k_few; ++k) left[k] += counts[k], right[k] -= counts[k];
      left_weight += here_weight;
      previous = bin;
    }
    return left_weight != histogram_weight(previous);
  }

  // Weight in one bin: all of it there means a constant feature.
  std::uint64_t histogram_weight(int bin) const {
    std::uint64_t sum = 0;
    for (std::uint32_t k = 0; k < k_few; ++k) sum += histogram_[static_cast<std::size_t>(bin) * k_few + k];
    return sum;
  }

  bool evaluate_chains(std::span<const Sample> here, const std::uint8_t* column, std::uint32_t min_leaf,
                       std::uint32_t feature, Split& best) {
    const int first = chain(here, column);
    if (first < 0) return false;
    std::fill(left_.begin(), left_.end(), 0U);
    double left_squares = 0, right_squares = squares_;
    std::uint64_t left_weight = 0;
    int previous = -1;
    for (std::size_t word = 0; word < 4; ++word) {
      for (std::uint64_t bits = chains_.occupied[word]; bits != 0; bits &= bits - 1) {
        const int bin = static_cast<int>(word * 64) + std::countr_zero(bits);
        if (previous >= 0)
          consider(left_squares, right_squares, left_weight, min_leaf, feature, previous, bin, best);
        for (std::uint32_t i = chains_.head[static_cast<std::size_t>(bin)]; i != BinChains::k_end;
             i = chains_.next[i]) {
          const std::uint32_t k = here[i].one, w = here[i].weight, l = left_[k], r = total_[k] - l;
          left_squares += static_cast<double>(w * (2.0 * l + w));
          right_squares -= static_cast<double>(w * (2.0 * r - w));
          left_[k] = l + w;
          left_weight += w;
        }
        previous = bin;
      }
    }
    return true;
  }

  // First occupied bin, or -1 when there is only one.
  int chain(std::span<const Sample> here, const std::uint8_t* column) {
    if (chains_.next.size() < here.size()) chains_.next.resize(here.size());
    chains_.head.fill(BinChains::k_end);
    chains_.occupied.fill(0);
    for (std::uint32_t i = 0; i < here.size(); ++i) {
      const std::uint8_t bin = column[here[i].row];
      chains_.next[i] = chains_.head[bin];
      chains_.head[bin] = i;
      chains_.occupied[bin >> 6] |= std::uint64_t{1} << (bin & 63);
    }
    int occupied = 0, first = -1;
    for (std::size_t word = 0; word < 4; ++word) {
      if (first < 0 && chains_.occupied[word] != 0)
        first = static_cast<int>(word * 64) + std::countr_zero(chains_.occupied[word]);
      occupied += std::popcount(chains_.occupied[word]);
    }
    return occupied > 1 ? first : -1;
  }

  std::uint32_t classes_;
  std::vector<std::uint32_t> total_, left_, histogram_;
  std::uint64_t weight_ = 0;
  double squares_ = 0;
  bool pure_ = false;
  BinChains chains_;
};

}  // namespace bragglive::detail
