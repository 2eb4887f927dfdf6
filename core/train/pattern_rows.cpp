#include "core/train/pattern_rows.hpp"

#include <algorithm>

namespace bragglive {
namespace {

struct PatternScratch final : RowSource::Scratch {
  std::unique_ptr<FeatureSet::Scratch> features;
  BraggList peaks;
};

constexpr std::size_t k_most_of_a_group = 12;

struct GroupScratch final : RowSource::Scratch {
  std::unique_ptr<GroupFeatureSet::Scratch> features;
  std::vector<std::uint32_t> order;
  std::vector<BraggList> lists;
};

}  // namespace

std::unique_ptr<RowSource::Scratch> PatternRows::make_scratch() const {
  auto scratch = std::make_unique<PatternScratch>();
  scratch->features = features_.make_scratch();
  return scratch;
}

bool PatternRows::compute(std::size_t row, Scratch& scratch, std::span<float> out) const {
  auto& work = static_cast<PatternScratch&>(scratch);
  const std::size_t pattern = patterns_[row % patterns_.size()], copy = row / patterns_.size();
  CounterRandom random(random_key(seed_, pattern, copy));
  data_.copy_pattern(pattern, work.peaks);
  apply_detection(detection_, random, work.peaks);
  if (work.peaks.size() < min_disks_) {
    std::fill(out.begin(), out.end(), 0.0F);
    return false;
  }
  features_.compute(work.peaks, work.features.get(), out);
  return true;
}

std::unique_ptr<RowSource::Scratch> GroupRows::make_scratch() const {
  auto scratch = std::make_unique<GroupScratch>();
  scratch->features = features_.make_scratch();
  return scratch;
}

bool GroupRows::compute(std::size_t row, Scratch& scratch, std::span<float> out) const {
  auto& work = static_cast<GroupScratch&>(scratch);
  CounterRandom random(random_key(seed_, 0x96089, row));
  work.order = groups_[row % groups_.size()];
  const auto wanted =
      std::min(work.order.size(), 2 + static_cast<std::size_t>(random.uniform(0, k_most_of_a_group - 1)));
  std::size_t used = 0;
  for (std::size_t i = 0; i < work.order.size() && used < wanted; ++i) {
    const auto left = static_cast<double>(work.order.size() - i);
    std::swap(work.order[i], work.order[i + static_cast<std::size_t>(random.uniform() * left)]);
    if (work.lists.size() <= used) work.lists.emplace_back();
    data_.copy_pattern(work.order[i], work.lists[used]);
    apply_detection(detection_, random, work.lists[used]);
    used += work.lists[used].size() >= min_disks_ ? 1 : 0;
  }
  if (used < 2) {
    std::fill(out.begin(), out.end(), 0.0F);
    return false;
  }
  features_.compute(std::span(work.lists).first(used), *work.features, out);
  return true;
}

}  // namespace bragglive
