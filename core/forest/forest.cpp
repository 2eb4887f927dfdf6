#include "core/forest/forest.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/forest/walk.hpp"

namespace bragglive {

ForestNode ForestNode::inner(std::uint32_t feature, float threshold, std::uint32_t delta) {
  return {threshold, feature | (delta << k_feature_bits)};
}
ForestNode ForestNode::leaf(std::uint32_t payload) {
  return {std::bit_cast<float>(payload), 0};
}
std::uint32_t ForestNode::payload() const {
  return std::bit_cast<std::uint32_t>(threshold);
}

Forest::Forest(ForestParts parts) : parts_(std::move(parts)) {}

namespace {
// Rows that pass through a tree together: their vectors stay in the second-level cache for the next tree.
constexpr std::size_t k_block = 128;

// Adds a leaf's class shares and its vote.
inline void add_leaf(std::uint32_t payload, const std::uint32_t* leaf_words, double* probability,
                     std::uint16_t* votes) {
  if (payload & k_pure_leaf) {
    const std::uint32_t only = payload & ~k_pure_leaf;
    probability[only] += 1;
    ++votes[only];
    return;
  }
  const std::uint32_t* const record = leaf_words + payload;
  const std::uint32_t entries = *record & 0xFFFFU;
  ++votes[*record >> 16];
  std::uint64_t total = 0;
  for (std::uint32_t e = 1; e <= entries; ++e) total += record[e] & k_max_leaf_count;
  const auto all = static_cast<double>(total);
  for (std::uint32_t e = 1; e <= entries; ++e)
    probability[record[e] >> 24] += (record[e] & k_max_leaf_count) / all;
}
}  // namespace

// Fills scratch.payload (trees, rows).
void Forest::walk(std::span<const float* const> rows, Scratch& scratch) const noexcept {
  const std::size_t n = rows.size(), features = parts_.features;
  if (scratch.payload.size() < n * trees()) scratch.payload.resize(n * trees());
  // An odd number of cache lines: the same feature of all rows would else fall on the same cache sets.
  const std::size_t stride = ((features + 15) / 16 | 1) * 16;
  const float* values = rows[0];
  if (n > 1) {
    if (scratch.rows.size() < k_block * stride) scratch.rows.resize(k_block * stride);
    for (std::size_t i = 0; i < n; ++i) std::copy_n(rows[i], features, &scratch.rows[i * stride]);
    values = scratch.rows.data();
  }
  detail::walk({parts_.nodes.data(), parts_.tree_start, values, stride, n, scratch.payload.data()});
}

void Forest::classify(std::span<const float* const> rows, Scratch& scratch, std::span<double> probability,
                      std::span<std::uint16_t> votes) const noexcept {
  const std::size_t classes = parts_.outputs, count = trees();
  for (std::size_t begin = 0; begin < rows.size(); begin += k_block) {
    const std::size_t n = std::min(k_block, rows.size() - begin);
    walk(rows.subspan(begin, n), scratch);
    double* const p = probability.data() + begin * classes;
    std::uint16_t* const v = votes.data() + begin * classes;
    std::fill(p, p + n * classes, 0.0);
    std::fill(v, v + n * classes, std::uint16_t{0});
    // Records lie anywhere: asked for well before they are read.
    constexpr std::size_t k_ahead = 16;
    const std::uint32_t* const payload = scratch.payload.data();
    for (std::size_t at = 0, row = 0; at < n * count; ++at) {
      if (at + k_ahead < n * count && (payload[at + k_ahead] & k_pure_leaf) == 0)
        __builtin_prefetch(parts_.leaf_words.data() + payload[at + k_ahead]);
      add_leaf(payload[at], parts_.leaf_words.data(), p + row * classes, v + row * classes);
      if (++row == n) row = 0;
    }
    for (std::size_t i = 0; i < n * classes; ++i) p[i] /= static_cast<double>(count);
  }
}

double Forest::scale_of(const float* row, std::uint32_t output) const noexcept {
  if (parts_.scale_feature.empty() || parts_.scale_feature[output] == k_unscaled) return 1;
  const float value = row[parts_.scale_feature[output]];
  return value > 0 ? static_cast<double>(value) : 1;
}

void Forest::regress(std::span<const float* const> rows, std::uint32_t wanted, Scratch& scratch,
                     std::span<double> values) const noexcept {
  const std::size_t count = trees(), outputs = parts_.outputs;
  for (std::size_t begin = 0; begin < rows.size(); begin += k_block) {
    const std::size_t n = std::min(k_block, rows.size() - begin);
    walk(rows.subspan(begin, n), scratch);
    for (std::size_t row = 0; row < n; ++row) {
      for (std::uint32_t output = 0; output < wanted; ++output) {
        const double scale = scale_of(rows[begin + row], output);
        double* const out = values.data() + ((begin + row) * wanted + output) * count;
        for (std::size_t tree = 0; tree < count; ++tree)
          out[tree] = scale * parts_.leaf_values[scratch.payload[tree * n + row] * outputs + output];
      }
    }
  }
}

MedianSpread median_and_spread(std::span<double> values) noexcept {
  if (values.empty())
    return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  const double median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(n - 1)))];
  };
  return {median, (at(0.84) - at(0.16)) / 2};
}

std::size_t arg_max(std::span<const double> values) noexcept {
  return values.empty()
             ? 0
             : static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace bragglive
