// Values to bins, row by row: sixteen features at a time, each with its own edges.
#pragma once
#include <cstddef>
#include <cstdint>

namespace bragglive::detail {

constexpr std::size_t k_edges_per_feature = 256;  // ascending, then infinity

struct BinRows {
  const float* edges;   // (features rounded up to 16, k_edges_per_feature)
  const float* values;  // (rows, features)
  std::size_t features, rows;
};

// out[row * out_stride + feature] = the first bin whose edge is not below the value, for the features from
// `feature` (a multiple of 16) on, sixteen or what is left of them; NaN is in bin 0. Only where can_gather().
void bin_sixteen(const BinRows& job, std::size_t feature, std::uint8_t* out, std::size_t out_stride);

}  // namespace bragglive::detail
