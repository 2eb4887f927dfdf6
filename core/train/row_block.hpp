// The rows of a subtree copied together, feature by feature: below a node its samples lie far apart in the
// columns of a large table.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/train/binned_table.hpp"
#include "core/train/transpose_bytes.hpp"

namespace bragglive::detail {

class RowBlock {
 public:
  explicit RowBlock(std::size_t most_rows) : most_rows_(most_rows) {}
  std::size_t most_rows() const { return most_rows_; }

  // Sample i of the block is row row_of(i) of the table.
  template <class RowOf>
  void fill(const BinnedTable& table, std::size_t count, RowOf row_of) {
    // Not a power of two: columns would fall on the same cache sets.
    stride_ = (count + 15) / 16 * 16 + 64;
    if (bytes_.size() < stride_ * table.row_bytes()) bytes_.resize(stride_ * table.row_bytes());
    for (std::size_t begin = 0; begin < count; begin += 16) {
      std::array<const std::uint8_t*, 16> rows;
      for (std::size_t i = 0; i < 16; ++i) rows[i] = table.row(row_of(std::min(begin + i, count - 1)));
      for (std::size_t f = 0; f < table.row_bytes(); f += 16) {
        transpose_16x16(rows.data(), &bytes_[f * stride_ + begin], stride_);
        for (const std::uint8_t*& row : rows) row += 16;
      }
    }
  }
  const std::uint8_t* column(std::size_t feature) const { return bytes_.data() + feature * stride_; }

 private:
  std::size_t most_rows_, stride_ = 0;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace bragglive::detail
