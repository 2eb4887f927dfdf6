// Squared-error splits of vectors. For sums L, R and weights n_L, n_R the error falls as |L|²/n_L + |R|²/n_R
// grows.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "core/train/tree_builder.hpp"

namespace bragglive::detail {

class VectorPolicy {
 public:
  using Leaves = std::vector<double>;
  static constexpr std::size_t k_width = 8;  // outputs, zero padded

  // `scaled`: (targets, k_width), centred and divided by the scale; `plain`: (targets, outputs), what leaves
  // hold.
  VectorPolicy(std::span<const float> scaled, std::span<const float> plain, std::uint32_t outputs,
               bool medians)
      : scaled_(scaled),
        plain_(plain),
        outputs_(outputs),
        medians_(medians),
        sums_(256 * k_width),
        counts_(256) {}

  void enter(std::span<const Sample> here) {
    here_ = here;
    total_.fill(0);
    mean_.assign(outputs_, 0.0);
    weight_ = 0;
    double squares = 0;
    for (const Sample& sample : here) {
      const float* const y = &scaled_[std::size_t{sample.target} * k_width];
      for (std::size_t k = 0; k < k_width; ++k) {
        total_[k] += sample.weight * double{y[k]};
        squares += sample.weight * double{y[k]} * double{y[k]};
      }
      for (std::uint32_t k = 0; k < outputs_; ++k)
        mean_[k] += sample.weight * double{plain_[std::size_t{sample.target} * outputs_ + k]};
      weight_ += sample.weight;
    }
    for (double& value : mean_) value /= static_cast<double>(weight_);
    double explained = 0;
    for (const double t : total_) explained += t * t;
    explained /= static_cast<double>(weight_);
    pure_ = squares - explained <= 1e-9 * (squares + 1e-30);
  }
  std::uint64_t weight() const { return weight_; }
  bool pure() const { return pure_; }

  bool evaluate(std::span<const Sample> here, const std::uint8_t* column, std::uint32_t min_leaf,
                std::uint32_t feature, Split& best) {
    occupied_.fill(0);
    for (const Sample& sample : here) {
      const std::size_t bin = column[sample.row];
      double* const sum = &sums_[bin * k_width];
      const std::uint64_t bit = std::uint64_t{1} << (bin & 63);
      if ((occupied_[bin >> 6] & bit) == 0) {
        occupied_[bin >> 6] |= bit;
        std::fill_n(sum, k_width, 0.0);
        counts_[bin] = 0;
      }
      const float* const y = &scaled_[std::size_t{sample.target} * k_width];
      for (std::size_t k = 0; k < k_width; ++k) sum[k] += sample.weight * double{y[k]};
      counts_[bin] += sample.weight;
    }
    int bins = 0;
    for (const std::uint64_t word : occupied_) bins += std::popcount(word);
    if (bins < 2) return false;
    scan(min_leaf, feature, best);
    return true;
  }

  std::uint32_t leaf(Leaves& leaves) const {
    for (std::uint32_t k = 0; k < outputs_; ++k) leaves.push_back(medians_ ? median_of(k) : mean_[k]);
    return static_cast<std::uint32_t>(leaves.size() / outputs_ - 1);
  }

 private:
  double median_of(std::uint32_t output) const {
    std::vector<float> values;
    for (const Sample& sample : here_)
      values.insert(values.end(), sample.weight, plain_[std::size_t{sample.target} * outputs_ + output]);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return static_cast<double>(*middle);
  }

  void scan(std::uint32_t min_leaf, std::uint32_t feature, Split& best) const {
    std::array<double, k_width> left{};
    std::uint64_t left_weight = 0;
    int previous = -1;
    for (std::size_t word = 0; word < 4; ++word) {
      for (std::uint64_t bits = occupied_[word]; bits != 0; bits &= bits - 1) {
        const int bin = static_cast<int>(word * 64) + std::countr_zero(bits);
        const std::uint64_t right_weight = weight_ - left_weight;
        if (previous >= 0 && left_weight >= min_leaf && right_weight >= min_leaf) {
          double l = 0, r = 0;
          for (std::size_t k = 0; k < k_width; ++k)
            l += left[k] * left[k], r += (total_[k] - left[k]) * (total_[k] - left[k]);
          const double gain = l / static_cast<double>(left_weight) + r / static_cast<double>(right_weight);
          if (gain > best.gain) best = {gain, feature, static_cast<std::uint8_t>((previous + bin - 1) / 2)};
        }
        const double* const sum = &sums_[static_cast<std::size_t>(bin) * k_width];
        for (std::size_t k = 0; k < k_width; ++k) left[k] += sum[k];
        left_weight += counts_[static_cast<std::size_t>(bin)];
        previous = bin;
      }
    }
  }

  std::span<const float> scaled_, plain_;
  std::uint32_t outputs_;
  bool medians_;
  std::span<const Sample> here_;
  std::vector<double> sums_;
  std::vector<std::uint64_t> counts_;
  std::array<std::uint64_t, 4> occupied_{};
  std::array<double, k_width> total_{};
  std::vector<double> mean_;
  std::uint64_t weight_ = 0;
  bool pure_ = false;
};

}  // namespace bragglive::detail
