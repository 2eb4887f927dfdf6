// Gini splits. For counts L_k, R_k on the two sides the weighted impurity falls as Σ L_k²/n_L + Σ R_k²/n_R
// grows.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/train/split_kernels.hpp"
#include "core/train/tree_builder.hpp"

namespace bragglive::detail {

class ClassPolicy {
 public:
  using Leaves = std::vector<std::uint32_t>;  // leaf words

  explicit ClassPolicy(std::uint32_t classes) : classes_(classes), total_(classes), local_(classes) {}

  void enter(std::span<const Sample> here) {
    std::fill(total_.begin(), total_.end(), 0U);
    for (const Sample& sample : here) total_[sample.one] += sample.weight;
    weight_ = 0;
    present_ = 0;
    for (std::uint32_t k = 0; k < classes_; ++k) {
      weight_ += total_[k];
      if (total_[k] > 0) local_[k] = present_++;
    }
  }
  std::uint64_t weight() const { return weight_; }
  bool pure() const { return present_ <= 1; }

  // What all features of this node have in common; after enter().
  void prepare(std::span<const Sample> here) {
    if (here.size() <= SmallNode::k_most && weight_ <= SmallNode::k_most_weight) {
      size_ = Size::small;
      return prepare_small(here);
    }
    size_ = weight_ <= MediumNode::k_most_weight ? Size::medium : Size::large;
    stride_ = (present_ + 7) / 8 * 8;
    entries_.resize(here.size());
    for (std::size_t i = 0; i < here.size(); ++i)
      entries_[i] = {here[i].at, static_cast<std::uint16_t>(local_[here[i].one]), here[i].weight};
    wide_totals_.assign(stride_, 0);
    for (std::uint32_t k = 0; k < classes_; ++k)
      if (total_[k] > 0) wide_totals_[local_[k]] = total_[k];
    narrow_totals_.assign(wide_totals_.begin(), wide_totals_.end());
  }

  // Improves `best`; false when all samples lie in one bin.
  bool evaluate(const std::uint8_t* column, std::uint32_t min_leaf, std::uint32_t feature, Split& best) {
    if (size_ == Size::small) return evaluate_small(column, min_leaf, feature, best);
    if (size_ == Size::medium)
      return evaluate_counts(narrow_, narrow_totals_, column, min_leaf, feature, best);
    return evaluate_counts(wide_, wide_totals_, column, min_leaf, feature, best);
  }

  // Both sides pure: no other cut can be better.
  bool is_perfect(const Split& split) const { return split.gain >= static_cast<double>(weight_); }

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
  enum class Size { small, medium, large };
  struct Entry {
    std::uint32_t at;
    std::uint16_t one, weight;
  };

  void prepare_small(std::span<const Sample> here) {
    small_.samples = static_cast<std::uint32_t>(here.size());
    small_.classes = present_;
    small_.weight = static_cast<std::uint32_t>(weight_);
    std::array<std::uint8_t, SmallNode::k_most> next{};
    for (const Sample& sample : here) ++next[local_[sample.one]];
    std::uint8_t sum = 0;
    for (std::uint32_t k = 0; k < present_; ++k) {
      const std::uint8_t count = next[k];
      next[k] = sum;
      small_.class_end[k] = sum = static_cast<std::uint8_t>(sum + count);
      small_.class_weight[k] = 0;
    }
    for (const Sample& sample : here) {
      const std::uint32_t k = local_[sample.one];
      const std::size_t place = next[k]++;
      at_[place] = sample.at;
      small_.weights[place] = static_cast<std::uint8_t>(sample.weight);
      small_.class_weight[k] = static_cast<std::uint8_t>(small_.class_weight[k] + sample.weight);
    }
    const std::size_t end = (here.size() + SmallNode::k_lanes - 1) / SmallNode::k_lanes * SmallNode::k_lanes;
    std::fill(bins_.begin() + std::ssize(here), bins_.begin() + static_cast<std::ptrdiff_t>(end),
              std::uint8_t{255});
  }

  bool evaluate_small(const std::uint8_t* column, std::uint32_t min_leaf, std::uint32_t feature,
                      Split& best) {
    const std::size_t n = small_.samples;
    const std::uint8_t first = column[at_[0]];
    unsigned differs = 0;
    for (std::size_t i = 0; i < n; ++i) {
      bins_[i] = column[at_[i]];
      differs |= bins_[i] ^ unsigned { first };
    }
    if (differs == 0) return false;
    const Cut cut = best_cut(small_, bins_.data(), min_leaf);
    if (cut.gain > best.gain) {
      int next = 255;
      for (std::size_t i = 0; i < n; ++i)
        if (bins_[i] > cut.last_left) next = std::min<int>(next, bins_[i]);
      best = {cut.gain, feature, half_way(cut.last_left, next)};
    }
    return true;
  }

  template <class Count>
  bool evaluate_counts(std::vector<Count>& counts, const std::vector<Count>& totals,
                       const std::uint8_t* column, std::uint32_t min_leaf, std::uint32_t feature,
                       Split& best) {
    counts.assign(256 * stride_, 0);
    const std::uint8_t first = column[entries_[0].at];
    unsigned differs = 0;
    for (const Entry& entry : entries_) {
      const std::uint8_t bin = column[entry.at];
      Count& count = counts[bin * stride_ + entry.one];
      count = static_cast<Count>(count + entry.weight);
      differs |= bin ^ unsigned { first };
    }
    if (differs == 0) return false;
    const Cut cut = best_cut(counts.data(), stride_, totals.data(), narrowed<Count>(weight_), min_leaf);
    if (cut.gain > best.gain) {
      int next = 255;
      for (const Entry& entry : entries_)
        if (column[entry.at] > cut.last_left) next = std::min<int>(next, column[entry.at]);
      best = {cut.gain, feature, half_way(cut.last_left, next)};
    }
    return true;
  }
  // The overloads of best_cut() take the weight in the width that goes with their counts.
  template <class Count>
  static auto narrowed(std::uint64_t weight) {
    if constexpr (sizeof(Count) == 2)
      return static_cast<std::uint32_t>(weight);
    else
      return weight;
  }

  std::uint32_t classes_, present_ = 0;
  std::vector<std::uint32_t> total_,
      local_;  // per class: weight, and its number among those that are present
  std::uint64_t weight_ = 0;
  Size size_ = Size::small;
  SmallNode small_;
  std::array<std::uint32_t, SmallNode::k_most> at_{};
  alignas(32) std::array<std::uint8_t, SmallNode::k_most> bins_{};
  std::size_t stride_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::uint16_t> narrow_, narrow_totals_;
  std::vector<std::uint32_t> wide_, wide_totals_;
};

}  // namespace bragglive::detail
