#include "core/train/feature_table.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <atomic>

namespace bragglive {
namespace {

constexpr std::size_t k_block = 1024;  // rows whose features are computed before they are cut into bins
constexpr std::size_t k_edge_sample = 16384;  // rows that decide the bins: 64 a bin

// Values of a sample of the rows, one after the other, unusable rows left out.
std::vector<float> sample_of(const RowSource& source) {
  const std::size_t width = source.width(), rows = source.rows();
  const std::size_t step = std::max<std::size_t>(1, rows / k_edge_sample), sampled = (rows + step - 1) / step;
  std::vector<float> values(sampled * width);
  std::vector<std::uint8_t> usable(sampled);
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, sampled, 64), [&](const auto& range) {
    const auto scratch = source.make_scratch();
    for (std::size_t i = range.begin(); i < range.end(); ++i)
      usable[i] = source.compute(i * step, *scratch, std::span(values).subspan(i * width, width)) ? 1 : 0;
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < sampled; ++i) {
    if (!usable[i]) continue;
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                values.begin() + static_cast<std::ptrdiff_t>(kept++ * width));
  }
  values.resize(kept * width);
  return values;
}

}  // namespace

Expected<FeatureTable> make_feature_table(const RowSource& source,
                                          std::span<const std::uint16_t> kept_features,
                                          const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  const std::size_t width = source.width(), rows = source.rows();
  const std::vector<float> sample = sample_of(source);
  if (sample.empty()) return fail(ErrorArea::shape, "training: no pattern has enough disks to be used");
  auto edges = BinEdges::from_sample(sample, width);
  if (!edges) return tl::unexpected(edges.error());
  FeatureTable out{BinnedTable(std::move(*edges), rows), std::vector<std::uint8_t>(rows),
                   std::vector<float>(rows * kept_features.size())};
  std::atomic<std::uint64_t> done{0};
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, rows, k_block), [&](const auto& range) {
    const auto scratch = source.make_scratch();
    std::vector<float> values(range.size() * width);
    for (std::size_t i = range.begin(); i < range.end(); ++i) {
      const auto row = std::span(values).subspan((i - range.begin()) * width, width);
      out.usable[i] = source.compute(i, *scratch, row) ? 1 : 0;
      for (std::size_t k = 0; k < kept_features.size(); ++k)
        out.kept[i * kept_features.size() + k] = row[kept_features[k]];
    }
    out.table.set_rows(range.begin(), values);
    if (progress) progress(done.fetch_add(range.size()) + range.size(), rows);
  });
  return out;
}

}  // namespace bragglive
