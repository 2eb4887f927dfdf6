// What two-fold axes demand of a measured basis, eight axes at a time: MetricFit for their two relations,
// without branches, in vectors.
#pragma once
#include <Eigen/Core>
#include <array>
#include <cstddef>

#include "core/detect/simd.hpp"

namespace bragglive::indexing {

constexpr double k_no_solution = 1e9;
constexpr double k_hopeless = 1000;  // χ² after which no further round is worth while

// Of a measured basis: see MetricFit.
struct MeasuredBasis {
  std::array<double, 9> basis;           // row-major, columns are vectors
  std::array<double, 6> inverse_normal;  // 00, 11, 22, 12, 02, 01, as a Relation
  std::array<double, 3> variance;        // of its rows, to be multiplied with that
};

class AxisBatch {
 public:
  static constexpr std::size_t k_lanes = 8;
  using Lanes = std::array<double, k_lanes>;

  std::size_t size() const { return count_; }
  void clear() { count_ = 0; }
  // The axis along the direct row u, perpendicular to the plane h; at most eight.
  void add(const Eigen::Vector3i& h, const Eigen::Vector3i& u);
  // Three rounds from `start` (columns are vectors). The same to the last bit with every instruction set.
  void solve(const MeasuredBasis& measured, const Eigen::Matrix3d& start,
             InstructionSet set = InstructionSet::best);
  double chi2(std::size_t i) const { return chi2_[i]; }  // k_no_solution if there is none
  Eigen::Matrix3d basis(std::size_t i) const;            // the nearest that fulfils the relations

 private:
  friend struct AxisKernel;
  std::size_t count_ = 0;
  alignas(64) std::array<std::array<Lanes, 6>, 2> relation_{};  // [which][number]
  alignas(64) std::array<Lanes, 9> basis_;
  alignas(64) Lanes chi2_;
};

}  // namespace bragglive::indexing
