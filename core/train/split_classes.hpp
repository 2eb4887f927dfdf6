// Gini splits. For counts L_k, R_k on the two sides the weighted impurity falls as Σ L_k²/n_L + Σ R_k²/n_R
// grows.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/forest/gather.hpp"
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
    const bool small = here.size() <= SmallNode::k_most && weight_ <= SmallNode::k_most_weight;
    if (small) prepare_small(here);
    if (small && here.size() <= few_) {
      size_ = Size::small;
      return;
    }
    size_ = weight_ <= MediumNode::k_most_weight ? Size::medium : Size::large;
    if (size_ == Size::medium) return prepare_medium(here, small);
    entries_.resize(here.size());
    for (std::size_t i = 0; i < here.size(); ++i)
      entries_[i] = {here[i].at, static_cast<std::uint16_t>(local_[here[i].one]), here[i].weight};
    stride_ = present_;
    totals_.resize(stride_);
    for (std::uint32_t k = 0; k < classes_; ++k)
      if (total_[k] > 0) totals_[local_[k]] = total_[k];
  }

  // Improves `best`; false when all samples lie in one bin. `next_column` is probably read next: a large one
  // is fetched meanwhile.
  bool evaluate(const std::uint8_t* column, const std::uint8_t* next_column, std::uint32_t min_leaf,
                std::uint32_t feature, Split& best) {
    if (size_ == Size::small) return evaluate_small(column, min_leaf, feature, best);
    if (size_ == Size::medium) return evaluate_medium(column, next_column, min_leaf, feature, best);
    return evaluate_large(column, min_leaf, feature, best);
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
  static constexpr std::size_t k_padding = 64;
  static constexpr std::size_t k_line = 64;  // bytes that are fetched together
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
      small_.fourfold_weights[place] = sample.weight * 0x01010101U;
      small_.class_weight[k] = static_cast<std::uint8_t>(small_.class_weight[k] + sample.weight);
    }
    const std::size_t end = (here.size() + k_padding - 1) / k_padding * k_padding;
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

  // `in_order`: samples by class, as prepare_small() put them; ties between cuts go as in a small node.
  void prepare_medium(std::span<const Sample> here, bool in_order) {
    medium_.weight = static_cast<std::uint32_t>(weight_);
    medium_.pairs = (present_ + 1) / 2;
    medium_.order =
        in_order ? std::span<const std::uint8_t>(bins_).first(here.size()) : std::span<const std::uint8_t>();
    std::fill_n(medium_.totals.begin(), medium_.pairs, 0U);
    for (std::uint32_t k = 0; k < classes_; ++k)
      if (total_[k] > 0) medium_.totals[local_[k] / 2] |= total_[k] << (local_[k] % 2 * 16);
    const auto place = [](std::uint32_t one) {
      return static_cast<std::uint16_t>(one / 2 * MediumNode::k_pair + one % 2);
    };
    entries_.resize(here.size());
    if (!in_order) {
      for (std::size_t i = 0; i < here.size(); ++i)
        entries_[i] = {here[i].at, place(local_[here[i].one]), here[i].weight};
      return;
    }
    std::size_t i = 0;
    for (std::uint32_t k = 0; k < present_; ++k)
      for (; i < small_.class_end[k]; ++i) entries_[i] = {at_[i], place(k), small_.weights[i]};
  }

  bool evaluate_medium(const std::uint8_t* column, const std::uint8_t* next_column, std::uint32_t min_leaf,
                       std::uint32_t feature, Split& best) {
    narrow_.assign(medium_.pairs * MediumNode::k_pair, 0);
    // Locals: a store of a byte may else be one to anything.
    std::uint16_t* const counts = narrow_.data();
    const Entry* const entries = entries_.data();
    const std::size_t n = entries_.size();
    const auto count = [=](const Entry& entry, std::uint8_t bin) {
      std::uint16_t& weight = counts[entry.one + std::size_t{2} * bin];
      weight = static_cast<std::uint16_t>(weight + entry.weight);
    };
    if (!medium_.order.empty()) {
      std::uint8_t* const bins = bins_.data();
      for (std::size_t i = 0; i < n; ++i) count(entries[i], bins[i] = column[entries[i].at]);
    } else if (const std::size_t lines = (entries[n - 1].at - entries[0].at) / k_line + 1; 4 * lines < n) {
      // Samples stand in the order of their rows: a line of the next column for every so many of them.
      const std::size_t step = n / lines;
      const std::uint8_t* next = next_column + entries[0].at;
      for (std::size_t begin = 0; begin < n; begin += step, next += k_line) {
        __builtin_prefetch(next);
        const std::size_t end = std::min(n, begin + step);
        for (std::size_t i = begin; i < end; ++i) count(entries[i], column[entries[i].at]);
      }
    } else {
      for (std::size_t i = 0; i < n; ++i) {
        __builtin_prefetch(next_column + entries[i].at);
        count(entries[i], column[entries[i].at]);
      }
    }
    if (medium_.all_in(column[entries[0].at], counts)) return false;
    medium_.to_beat = best.gain;
    const Cut cut = best_cut(medium_, counts, min_leaf);
    if (cut.gain > best.gain) best = {cut.gain, feature, half_way(cut.last_left, next_bin(cut.last_left))};
    return true;
  }

  // The next one that holds anything.
  int next_bin(std::uint8_t last_left) const {
    for (int bin = last_left + 1; bin < 255; ++bin)
      for (std::size_t pair = 0; pair < medium_.pairs; ++pair) {
        const std::size_t at = pair * MediumNode::k_pair + 2 * static_cast<std::size_t>(bin);
        if ((narrow_[at] | narrow_[at + 1]) != 0) return bin;
      }
    return 255;
  }

  bool evaluate_large(const std::uint8_t* column, std::uint32_t min_leaf, std::uint32_t feature,
                      Split& best) {
    wide_.assign(256 * stride_, 0);
    const std::uint8_t first = column[entries_[0].at];
    unsigned differs = 0;
    for (const Entry& entry : entries_) {
      const std::uint8_t bin = column[entry.at];
      wide_[bin * stride_ + entry.one] += entry.weight;
      differs |= bin ^ unsigned { first };
    }
    if (differs == 0) return false;
    const Cut cut = best_cut(wide_.data(), stride_, totals_.data(), weight_, min_leaf);
    if (cut.gain > best.gain) {
      int next = 255;
      for (const Entry& entry : entries_)
        if (column[entry.at] > cut.last_left) next = std::min<int>(next, column[entry.at]);
      best = {cut.gain, feature, half_way(cut.last_left, next)};
    }
    return true;
  }

  std::uint32_t classes_, present_ = 0;
  std::vector<std::uint32_t> total_,
      local_;  // per class: weight, and its number among those that are present
  std::uint64_t weight_ = 0;
  Size size_ = Size::small;
  SmallNode small_;
  std::array<std::uint32_t, SmallNode::k_most> at_{};
  alignas(64) std::array<std::uint8_t, SmallNode::k_most> bins_{};
  MediumNode medium_;
  std::size_t stride_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::uint16_t> narrow_;
  std::vector<std::uint32_t> wide_, totals_;
  // Up to this number of samples comparing all with all takes less time than counting.
  std::size_t few_ = can_gather() ? k_most_avx512 : 128;
};

}  // namespace bragglive::detail
