// Squared-error splits of vectors. For sums L, R and weights n_L, n_R the error falls as |L|²/n_L + |R|²/n_R
// grows.
#pragma once
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "core/train/split_kernels.hpp"
#include "core/train/tree_builder.hpp"

namespace bragglive::detail {

// `Width`: numbers that a cut looks at, 4 or 8.
template <std::size_t Width>
class VectorPolicy {
 public:
  using Leaves = std::vector<double>;

  // `scaled`: (targets, Width), centred and divided by the scale; `plain`: (targets, outputs), what leaves
  // hold.
  VectorPolicy(std::span<const float> scaled, std::span<const float> plain, std::uint32_t outputs,
               bool medians)
      : scaled_(scaled),
        plain_(plain),
        outputs_(outputs),
        medians_(medians),
        sums_(256 * Width),
        counts_(256) {}

  void enter(std::span<const Sample> here) {
    here_ = here;
    total_.fill(0);
    weight_ = 0;
    double squares = 0;
    for (const Sample& sample : here) {
      const float* const y = &scaled_[std::size_t{sample.target} * Width];
      for (std::size_t k = 0; k < Width; ++k) {
        total_[k] += sample.weight * double{y[k]};
        squares += sample.weight * double{y[k]} * double{y[k]};
      }
      weight_ += sample.weight;
    }
    double explained = 0;
    for (const double t : total_) explained += t * t;
    explained /= static_cast<double>(weight_);
    pure_ = squares - explained <= 1e-9 * (squares + 1e-30);
  }
  std::uint64_t weight() const { return weight_; }
  bool pure() const { return pure_; }

  // What all features of this node have in common; after enter().
  void prepare(std::span<const Sample> here) {
    entries_.resize(here.size());
    for (std::size_t i = 0; i < here.size(); ++i) {
      Entry& entry = entries_[i];
      entry.at = here[i].at;
      entry.weight = here[i].weight;
      for (std::size_t k = 0; k < Width; ++k)
        entry.sum[k] = static_cast<float>(here[i].weight) * scaled_[std::size_t{here[i].target} * Width + k];
    }
    if (here.size() > k_most_ranked) return;
    bins_.fill(255);
  }

  // See ClassPolicy.
  bool evaluate(const std::uint8_t* column, const std::uint8_t* next_column, std::uint32_t min_leaf,
                std::uint32_t feature, Split& best) {
    return entries_.size() <= k_most_ranked ? evaluate_ranked(column, min_leaf, feature, best)
                                            : evaluate_sums(column, next_column, min_leaf, feature, best);
  }

  bool is_perfect(const Split&) const { return false; }

  std::uint32_t leaf(Leaves& leaves) const {
    for (std::uint32_t k = 0; k < outputs_; ++k) leaves.push_back(medians_ ? median_of(k) : mean_of(k));
    return static_cast<std::uint32_t>(leaves.size() / outputs_ - 1);
  }

 private:
  struct Entry {
    std::uint32_t at, weight;
    std::array<float, Width> sum;  // weight times the target
  };

  double mean_of(std::uint32_t output) const {
    double sum = 0;
    for (const Sample& sample : here_)
      sum += sample.weight * double{plain_[std::size_t{sample.target} * outputs_ + output]};
    return sum / static_cast<double>(weight_);
  }

  double median_of(std::uint32_t output) const {
    std::vector<float> values;
    for (const Sample& sample : here_)
      values.insert(values.end(), sample.weight, plain_[std::size_t{sample.target} * outputs_ + output]);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return static_cast<double>(*middle);
  }

  // Scores the cut behind what was added up so far.
  void consider(const std::array<double, Width>& left, std::uint64_t left_weight, std::uint32_t min_leaf,
                std::uint32_t feature, int last_left, int first_right, Split& best) const {
    const std::uint64_t right_weight = weight_ - left_weight;
    if (left_weight < min_leaf || right_weight < min_leaf) return;
    double l = 0, r = 0;
    for (std::size_t k = 0; k < Width; ++k)
      l += left[k] * left[k], r += (total_[k] - left[k]) * (total_[k] - left[k]);
    const double gain = l / static_cast<double>(left_weight) + r / static_cast<double>(right_weight);
    if (gain > best.gain) best = {gain, feature, half_way(last_left, first_right)};
  }

  // Few samples: in the order of their bins.
  bool evaluate_ranked(const std::uint8_t* column, std::uint32_t min_leaf, std::uint32_t feature,
                       Split& best) {
    const std::size_t n = entries_.size();
    const std::uint8_t first = column[entries_[0].at];
    unsigned differs = 0;
    for (std::size_t i = 0; i < n; ++i) {
      bins_[i] = column[entries_[i].at];
      differs |= bins_[i] ^ unsigned { first };
    }
    if (differs == 0) return false;
    rank_bytes(bins_.data(), n, order_.data());
    std::array<double, Width> left{};
    std::uint64_t left_weight = 0;
    for (std::size_t rank = 0; rank + 1 < n; ++rank) {
      const Entry& entry = entries_[order_[rank]];
      for (std::size_t k = 0; k < Width; ++k) left[k] += double{entry.sum[k]};
      left_weight += entry.weight;
      const std::uint8_t here = bins_[order_[rank]], next = bins_[order_[rank + 1]];
      if (here != next) consider(left, left_weight, min_leaf, feature, here, next, best);
    }
    return true;
  }

  bool evaluate_sums(const std::uint8_t* column, const std::uint8_t* next_column, std::uint32_t min_leaf,
                     std::uint32_t feature, Split& best) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    std::fill(counts_.begin(), counts_.end(), 0U);
    for (const Entry& entry : entries_) {
      __builtin_prefetch(next_column + entry.at);
      const std::size_t bin = column[entry.at];
      double* const sum = &sums_[bin * Width];
      for (std::size_t k = 0; k < Width; ++k) sum[k] += double{entry.sum[k]};
      counts_[bin] += entry.weight;
    }
    std::array<double, Width> left{};
    std::uint64_t left_weight = 0;
    int previous = -1;
    for (int bin = 0; bin < 256; ++bin) {
      const auto at = static_cast<std::size_t>(bin);
      if (counts_[at] == 0) continue;
      if (previous >= 0) consider(left, left_weight, min_leaf, feature, previous, bin, best);
      for (std::size_t k = 0; k < Width; ++k) left[k] += sums_[at * Width + k];
      left_weight += counts_[at];
      previous = bin;
    }
    return left_weight > counts_[static_cast<std::size_t>(previous)];
  }

  std::span<const float> scaled_, plain_;
  std::uint32_t outputs_;
  bool medians_;
  std::span<const Sample> here_;
  std::vector<Entry> entries_;
  std::vector<double> sums_;
  std::vector<std::uint64_t> counts_;
  alignas(32) std::array<std::uint8_t, k_most_ranked> bins_{};
  std::array<std::uint8_t, k_most_ranked> order_{};
  std::array<double, Width> total_{};
  std::uint64_t weight_ = 0;
  bool pure_ = false;
};

}  // namespace bragglive::detail
