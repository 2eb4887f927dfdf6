#include "core/train/binned_table.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "core/forest/gather.hpp"
#include "core/train/bin_rows.hpp"
#include "core/train/transpose_bytes.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_rows_per_bin = 24;

// Half-way, but never as high as the upper value: x <= edge must tell the two apart.
float between(float low, float high) {
  const float middle = low + (high - low) / 2;
  return middle >= high || !std::isfinite(middle) ? low : middle;
}

// Blocks are looked through without a branch per value.
std::size_t first_not_finite(std::span<const float> values) {
  constexpr std::size_t k_block = 1024;
  const auto bad = [](float value) { return !(std::abs(value) <= std::numeric_limits<float>::max()); };
  for (std::size_t begin = 0; begin < values.size(); begin += k_block) {
    const std::size_t end = std::min(begin + k_block, values.size());
    unsigned found = 0;
    for (std::size_t i = begin; i < end; ++i) found |= bad(values[i]) ? 1U : 0U;
    for (std::size_t i = begin; found != 0 && i < end; ++i)
      if (bad(values[i])) return i;
  }
  return values.size();
}

// Ascending; finite values. Radix sort on the bits, which order like the numbers once negative ones are
// flipped.
void sort_floats(std::vector<float>& values, std::vector<std::uint32_t>& keys,
                 std::vector<std::uint32_t>& spare) {
  constexpr std::uint32_t k_sign = 0x80000000U;
  keys.resize(values.size());
  spare.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    // -0 and 0 are one value.
    const auto bits = std::bit_cast<std::uint32_t>(values[i] == 0.0F ? 0.0F : values[i]);
    keys[i] = bits & k_sign ? ~bits : bits | k_sign;
  }
  for (unsigned shift = 0; shift < 33; shift += 11) {
    std::array<std::uint32_t, 2048> start{};
    for (const std::uint32_t key : keys) ++start[key >> shift & 2047U];
    std::uint32_t sum = 0;
    for (std::uint32_t& count : start) sum += std::exchange(count, sum);
    for (const std::uint32_t key : keys) spare[start[key >> shift & 2047U]++] = key;
    keys.swap(spare);
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::bit_cast<float>(keys[i] & k_sign ? keys[i] & ~k_sign : ~keys[i]);
}

// `values` ascending.
std::vector<float> edges_of(const std::vector<float>& values, std::size_t bins) {
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
  if (const std::size_t i = first_not_finite(sample); i < sample.size())
    return fail(ErrorArea::numeric, "training: feature {} of row {} is not finite", i % features,
                i / features);
  BinEdges out;
  // Evenly spread rows of a large sample: sorting all of it would cost more than growing the trees.
  const std::size_t rows = sample.size() / features, used = std::min(rows, k_rows_per_bin * bins);
  constexpr std::size_t k_together = 16;  // features of one cache line
  std::array<std::vector<float>, k_together> values;
  std::vector<std::uint32_t> keys, spare;
  for (std::size_t first = 0; first < features; first += k_together) {
    const std::size_t count = std::min(k_together, features - first);
    for (std::size_t f = 0; f < count; ++f) values[f].resize(used);
    const auto row_at = [&](std::size_t i) { return sample.data() + i * rows / used * features + first; };
    constexpr std::size_t k_ahead = 16;
    for (std::size_t i = 0; i < used; ++i) {
      const float* const row = row_at(i);
      if (i + k_ahead < used) __builtin_prefetch(row_at(i + k_ahead));
      for (std::size_t f = 0; f < count; ++f) values[f][i] = row[f];
    }
    for (std::size_t f = 0; f < count; ++f) {
      sort_floats(values[f], keys, spare);
      out.edges_.push_back(edges_of(values[f], bins));
      out.padded_.insert(out.padded_.end(), out.edges_.back().begin(), out.edges_.back().end());
      out.padded_.resize(out.edges_.size() * k_max_bins, std::numeric_limits<float>::infinity());
    }
  }
  out.padded_.resize((features + 15) / 16 * 16 * k_max_bins, std::numeric_limits<float>::infinity());
  return out;
}

std::uint8_t BinEdges::bin(std::size_t feature, float value) const {
  std::uint8_t out = 0;
  bins(feature, &value, 1, 1, &out);
  return out;
}

void BinEdges::bins(std::size_t feature, const float* values, std::size_t stride, std::size_t count,
                    std::uint8_t* out) const {
  const float* const edge = padded_.data() + feature * k_max_bins;
  for (std::size_t i = 0; i < count; ++i) {
    const float x = values[i * stride];
    // A search of eight steps without a branch that depends on the value.
    std::uint32_t at = 0;
    for (unsigned step = 8; step-- > 0;)
      at += static_cast<std::uint32_t>(edge[at + (1U << step) - 1] < x) << step;
    out[i] = static_cast<std::uint8_t>(at);
  }
}

BinnedTable::BinnedTable(BinEdges edges, std::size_t rows)
    : edges_(std::move(edges)),
      rows_(rows),
      row_bytes_((edges_.features() + 15) / 16 * 16),
      columns_(rows * edges_.features()),
      by_row_(rows * row_bytes_) {}

void BinnedTable::set_rows(std::size_t first, std::span<const float> values) {
  const std::size_t count = values.size() / features();
  // Some rows at a time, so that their values stay in the cache while the features go by.
  constexpr std::size_t k_tile = 64;
  for (std::size_t tile = 0; tile < count; tile += k_tile) {
    const std::size_t here = std::min(k_tile, count - tile);
    const auto of_tile = values.subspan(tile * features(), here * features());
    if (detail::can_gather())
      set_tile_gathering(first + tile, of_tile);
    else
      set_tile(first + tile, of_tile);
  }
}

void BinnedTable::set_tile(std::size_t first, std::span<const float> values) {
  const std::size_t count = values.size() / features();
  for (std::size_t f = 0; f < features(); ++f) {
    std::uint8_t* const column = columns_.data() + f * rows_ + first;
    edges_.bins(f, values.data() + f, features(), count, column);
    std::uint8_t* const rows = by_row_.data() + first * row_bytes_ + f;
    for (std::size_t i = 0; i < count; ++i) rows[i * row_bytes_] = column[i];
  }
}

void BinnedTable::set_tile_gathering(std::size_t first, std::span<const float> values) {
  const std::size_t count = values.size() / features();
  const detail::BinRows job{edges_.padded(), values.data(), features(), count};
  for (std::size_t f = 0; f < features(); f += 16) {
    std::uint8_t* const rows = by_row_.data() + first * row_bytes_ + f;
    detail::bin_sixteen(job, f, rows, row_bytes_);
    const std::size_t wide = std::min<std::size_t>(16, features() - f);
    std::size_t i = 0;
    if (wide == 16)
      for (; i + 16 <= count; i += 16) {
        std::array<const std::uint8_t*, 16> square;
        for (std::size_t k = 0; k < 16; ++k) square[k] = rows + (i + k) * row_bytes_;
        transpose_16x16(square.data(), columns_.data() + f * rows_ + first + i, rows_);
      }
    for (; i < count; ++i)
      for (std::size_t k = 0; k < wide; ++k)
        columns_.data()[(f + k) * rows_ + first + i] = rows[i * row_bytes_ + k];
  }
}

}  // namespace bragglive
