// A random forest as flat arrays: many trees, eight bytes a node, walked with several patterns in flight.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/frame/error.hpp"

namespace bragglive {

// Eight bytes. Inner node: left child = this + delta, right child = left + 1; goes left when x <= threshold
// (NaN too). Leaf: delta = 0 and the bits of `threshold` are the payload.
struct ForestNode {
  float threshold = 0;
  std::uint32_t link = 0;  // bits 0..10 feature, bits 11..31 delta

  static constexpr std::uint32_t k_feature_bits = 11;
  static constexpr std::uint32_t k_max_features = 1U << k_feature_bits;
  static constexpr std::uint32_t k_max_delta = (1U << (32 - k_feature_bits)) - 1;

  static ForestNode inner(std::uint32_t feature, float threshold, std::uint32_t delta);
  static ForestNode leaf(std::uint32_t payload);
  std::uint32_t feature() const { return link & (k_max_features - 1); }
  std::uint32_t delta() const { return link >> k_feature_bits; }
  std::uint32_t payload() const;
};
static_assert(sizeof(ForestNode) == 8);

enum class ForestKind : std::uint32_t { classification = 1, regression = 2 };

// Leaf payloads. Classification: with k_pure_leaf set, the low bits are the only class; else the index of a
// record in `leaf_words`: (number of entries | hard class << 16), then one word per entry (class << 24 |
// training samples). Regression: index of a vector of `outputs` values.
constexpr std::uint32_t k_pure_leaf = 1U << 31;
constexpr std::uint32_t k_max_classes = 256;
constexpr std::uint32_t k_max_leaf_count = (1U << 24) - 1;
constexpr std::uint32_t k_max_outputs = 64;
constexpr std::uint16_t k_unscaled = 0xFFFF;
constexpr std::uint32_t k_max_trees = 4096;
constexpr std::uint32_t k_max_tree_depth = 1000;

// What a forest is made of: written by the trainer, the importer and the file reader.
struct ForestParts {
  ForestKind kind = ForestKind::classification;
  std::uint32_t features = 0;
  std::uint32_t outputs = 0;  // classes, or values per leaf
  // Regression: leaf values of output k are multiples of this feature of the row (of 1 where that is not
  // above 0), so that a length that a feature already measures keeps its precision; k_unscaled: they are the
  // values. Empty = all unscaled.
  std::vector<std::uint16_t> scale_feature;
  std::vector<std::uint16_t>
      labels;  // classification: what class i stands for (a CrystalSystem, a space group)
  std::vector<std::uint64_t> tree_start;  // trees + 1
  std::vector<ForestNode> nodes;
  std::vector<std::uint32_t> leaf_words;  // classification
  std::vector<double> leaf_values;        // regression, (leaves, outputs)
};

class Forest {
 public:
  // Grows on the first call, then stays.
  struct Scratch {
    std::vector<std::uint32_t> payload;
    std::vector<float> rows;
  };

  // Takes the parts after checking every node, leaf and number; the message names the first thing that is
  // wrong.
  static Expected<Forest> create(ForestParts parts);

  const ForestParts& parts() const { return parts_; }
  std::uint32_t trees() const { return static_cast<std::uint32_t>(parts_.tree_start.size() - 1); }
  std::uint32_t outputs() const { return parts_.outputs; }

  // `rows`: pointers to feature vectors of parts().features values. probability (rows, classes): mean over
  // the trees of the leaf's class shares, summed in the order of the trees (scikit-learn's rule and
  // rounding). votes (rows, classes): trees whose leaf has that class as its most frequent one (lowest class
  // index on a tie).
  void classify(std::span<const float* const> rows, Scratch& scratch, std::span<double> probability,
                std::span<std::uint16_t> votes) const noexcept;

  // Factor of an output for a row, see ForestParts::scale_feature.
  double scale_of(const float* row, std::uint32_t output) const noexcept;

  // Every tree's value of the first `wanted` outputs: (rows, wanted, trees).
  void regress(std::span<const float* const> rows, std::uint32_t wanted, Scratch& scratch,
               std::span<double> values) const noexcept;

 private:
  explicit Forest(ForestParts parts);
  void walk(std::span<const float* const> rows, Scratch& scratch) const noexcept;
  ForestParts parts_;
};

// Median of values (even count: mean of the middle two) and half the central 68 %; reorders `values`. NaN
// when empty.
struct MedianSpread {
  double median = 0, half_68 = 0;
};
MedianSpread median_and_spread(std::span<double> values) noexcept;

// Index of the largest; the lowest index on a tie; 0 when empty.
std::size_t arg_max(std::span<const double> values) noexcept;

}  // namespace bragglive
