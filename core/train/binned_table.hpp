// The training table: every feature cut into at most 256 bins at quantiles of the data, one byte a value.
// Held twice: column by column for large nodes of a tree, row by row for small ones.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/frame/error.hpp"
#include "core/train/large_bytes.hpp"

namespace bragglive {

// Upper edges of the bins of each feature, ascending: value x lies in the first bin b with x <= edges[b];
// above all edges in the last bin. No edge: the feature is constant.
class BinEdges {
 public:
  static constexpr std::size_t k_max_bins = 256;

  // `sample`: row-major (rows, features), finite. Edges lie half-way between neighbouring values of the
  // sample (of evenly spread rows of it, when it is large).
  static Expected<BinEdges> from_sample(std::span<const float> sample, std::size_t features,
                                        std::size_t bins = k_max_bins);

  std::size_t features() const { return edges_.size(); }
  std::span<const float> of(std::size_t feature) const { return edges_[feature]; }
  std::uint8_t bin(std::size_t feature, float value) const;
  // Bins of `count` values of one feature; `stride` floats from one to the next.
  void bins(std::size_t feature, const float* values, std::size_t stride, std::size_t count,
            std::uint8_t* out) const;
  const float* padded() const { return padded_.data(); }

 private:
  std::vector<std::vector<float>> edges_;
  // The same, k_max_bins a feature, infinity behind the last; as many features as a multiple of 16.
  std::vector<float> padded_;
};

class BinnedTable {
 public:
  BinnedTable(BinEdges edges, std::size_t rows);
  // Writes the bins of consecutive rows; `values` row-major. Calls for different rows may run at the same
  // time.
  void set_rows(std::size_t first, std::span<const float> values);

  std::size_t rows() const { return rows_; }
  std::size_t features() const { return edges_.features(); }
  const BinEdges& edges() const { return edges_; }
  const std::uint8_t* column(std::size_t feature) const { return columns_.data() + feature * rows_; }
  // row_bytes() bytes: one per feature, then zeros to a multiple of 16.
  const std::uint8_t* row(std::size_t row) const { return by_row_.data() + row * row_bytes_; }
  std::size_t row_bytes() const { return row_bytes_; }

 private:
  void set_tile(std::size_t first, std::span<const float> values);
  void set_tile_gathering(std::size_t first, std::span<const float> values);

  BinEdges edges_;
  std::size_t rows_, row_bytes_;
  LargeBytes columns_, by_row_;
};

}  // namespace bragglive
