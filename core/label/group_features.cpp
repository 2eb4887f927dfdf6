#include "core/label/group_features.hpp"

#include <algorithm>

namespace bragglive {
namespace {

constexpr std::string_view k_pooled = "pooled ";
constexpr std::size_t k_statistics = 4;

class PooledFeatures final : public GroupFeatureSet {
 public:
  explicit PooledFeatures(std::shared_ptr<const FeatureSet> each) : each_(std::move(each)) {}

  std::size_t size() const override { return 1 + k_statistics * each_->size(); }
  std::string definition() const override { return std::string(k_pooled) + each_->definition(); }
  std::vector<std::string> names() const override {
    std::vector<std::string> out = {"patterns"};
    for (const std::string& name : each_->names())
      for (const char* statistic : {"mean", "least", "most", "median"}) out.push_back(name + " " + statistic);
    return out;
  }
  std::unique_ptr<Scratch> make_scratch() const override {
    auto scratch = std::make_unique<PooledScratch>();
    scratch->each = each_->make_scratch();
    return scratch;
  }
  void compute(std::span<const BraggList> patterns, Scratch& scratch,
               std::span<float> out) const noexcept override {
    auto& work = static_cast<PooledScratch&>(scratch);
    const std::size_t width = each_->size(), count = patterns.size();
    work.values.resize(width * count);
    work.column.resize(count);
    for (std::size_t i = 0; i < count; ++i)
      each_->compute(patterns[i], work.each.get(), std::span(work.values).subspan(i * width, width));
    out[0] = static_cast<float>(count);
    for (std::size_t f = 0; f < width; ++f) {
      double sum = 0;
      for (std::size_t i = 0; i < count; ++i) sum += double{work.column[i] = work.values[i * width + f]};
      std::sort(work.column.begin(), work.column.end());
      float* const place = &out[1 + k_statistics * f];
      place[0] = static_cast<float>(sum / static_cast<double>(count));
      place[1] = work.column.front();
      place[2] = work.column.back();
      place[3] =
          count % 2 ? work.column[count / 2] : 0.5F * (work.column[count / 2 - 1] + work.column[count / 2]);
    }
  }

 private:
  struct PooledScratch final : Scratch {
    std::unique_ptr<FeatureSet::Scratch> each;
    std::vector<float> values, column;
  };
  std::shared_ptr<const FeatureSet> each_;
};

}  // namespace

Expected<std::shared_ptr<const GroupFeatureSet>> make_group_feature_set(std::string_view definition) {
  if (!definition.starts_with(k_pooled))
    return fail(ErrorArea::format,
                "features of several patterns: '{}' is not known to this version (known: pooled …)",
                definition.substr(0, 60));
  auto each = make_feature_set(definition.substr(k_pooled.size()));
  if (!each) return tl::unexpected(each.error());
  return std::make_shared<const PooledFeatures>(std::move(*each));
}

}  // namespace bragglive
