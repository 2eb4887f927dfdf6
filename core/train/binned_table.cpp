#include "core/train/binned_table.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive {
namespace {

constexpr std::size_t k_rows_per_bin = 24;

// Half-way, but never as high as the upper value: x <= edge must tell the two apart.
float between(float low, float high) {
  const float middle = low + (high - low) / 2;
  return middle >= high || !std::isfinite(middle) ? low : middle;
}

std::vector<float> edges_of(std::vector<float>& values, std::size_t bins) {
  std::sort(values.begin(), values.end());
  std::vector<float> distinct;
  std::unique_copy(values.begin(), values.end(), std::back_inserter(distinct));
  std::vector<float> edges;
  if (distinct.size() <= bins) {
    for (std::size_t i = 0; i + 1 < distinct.size(); ++i)
      edges.push_back(between(distinct[i], distinct[i + 1]));
    return edges;
  }
  for (std::size_t b = 1; b < bins; ++b) {
    const std::size_t at = b * values.size() / bins;
    // The next larger value above the quantile, so that equal values stay together.
    const auto above = std::upper_bound(values.begin(), values.end(), values[at - 1]);
    if (above == values.end()) break;
    const float edge = between(values[at - 1], *above);
    if (edges.empty() || edge > edges.back()) edges.push_back(edge);
  }
  return edges;
}

}  // namespace

Expected<BinEdges> BinEdges::from_sample(std::span<const float> sample, std::size_t features,
                                         std::size_t bins) {
  if (features == 0 || sample.empty() || sample.size() % features != 0)
    return fail(ErrorArea::shape, "training: no sample to cut the features into bins");
  if (bins < 2 || bins > k_max_bins)
    return fail(ErrorArea::usage, "training: 2 to {} bins, not {}", k_max_bins, bins);
  for (std::size_t i = 0; i < sample.size(); ++i)
    if (!std::isfinite(sample[i]))
      return fail(ErrorArea::numeric, "training: feature {} of row {} is not finite", i % features,
                  i / features);
  BinEdges out;
  // Evenly spread rows of a large sample: sorting all of it would cost more than growing the trees.
  const std::size_t rows = sample.size() / features, used = std::min(rows, k_rows_per_bin * bins);
  std::vector<float> values(used);
  for (std::size_t f = 0; f < features; ++f) {
    for (std::size_t i = 0; i < used; ++i) values[i] = sample[i * rows / used * features + f];
    out.edges_.push_back(edges_of(values, bins));
  }
  return out;
}

std::uint8_t BinEdges::bin(std::size_t feature, float value) const {
  const std::vector<float>& edges = edges_[feature];
  return static_cast<std::uint8_t>(std::lower_bound(edges.begin(), edges.end(), value) - edges.begin());
}

BinnedTable::BinnedTable(BinEdges edges, std::size_t rows)
    : edges_(std::move(edges)), rows_(rows), bins_(rows * edges_.features()) {}

void BinnedTable::set_rows(std::size_t first, std::span<const float> values) {
  const std::size_t count = values.size() / features();
  // A few rows at a time, so that their values stay in the cache while the features go by.
  constexpr std::size_t k_tile = 32;
  for (std::size_t tile = 0; tile < count; tile += k_tile)
    for (std::size_t f = 0; f < features(); ++f) {
      std::uint8_t* const column = bins_.data() + f * rows_ + first;
      for (std::size_t i = tile; i < std::min(count, tile + k_tile); ++i)
        column[i] = edges_.bin(f, values[i * features() + f]);
    }
}

}  // namespace bragglive
