// Linear relations of a metric tensor, and the least shift of a measured basis that fulfils them.
#pragma once
#include <Eigen/Core>
#include <array>

#include "core/features/axis_fit.hpp"

namespace bragglive::indexing {

// <N, G> = 0 for G as the vector (G00, G11, G22, G12, G02, G01).
using Relation = std::array<double, 6>;

// Orthonormal; at most six.
class Relations {
 public:
  std::size_t size() const { return count_; }
  const Relation& operator[](std::size_t i) const { return at_[i]; }
  void add(Relation relation);  // passed over if it depends on the others
  void add(const Relations& other);

 private:
  std::array<Relation, 6> at_{};
  std::size_t count_ = 0;
};

// What a two-fold axis along the direct row u, perpendicular to the plane h, demands: (G h) × u = 0.
Relations relations_of_axis(const Eigen::Vector3d& h, const Eigen::Vector3d& u);

class MetricFit {
 public:
  // `basis`: columns are reciprocal basis vectors; each of its rows has the covariance error² *
  // inverse_normal, the first two with error_xy, the third with error_z.
  MetricFit(const Eigen::Matrix3d& basis, const Eigen::Matrix3d& inverse_normal, double error_xy,
            double error_z)
      : basis_(basis),
        inverse_normal_(inverse_normal),
        variance_(error_xy * error_xy, error_xy * error_xy, error_z * error_z) {}

  // Moves `b` from a start to the basis that fulfils the relations at the least χ² = squared Mahalanobis
  // distance from the measured one; Gauss-Newton with multipliers. Returns χ², or k_no_solution. For three to
  // five relations; AxisBatch is for the two of one axis.
  double solve(const Relations& relations, int rounds, Eigen::Matrix3d& b) const;
  MeasuredBasis measured() const;

 private:
  template <int N>
  double solve_sized(const Relations& relations, int rounds, Eigen::Matrix3d& b) const;

  Eigen::Matrix3d basis_, inverse_normal_;
  Eigen::Vector3d variance_;
};

// What is known least of a measured basis is the volume: spots of one or two layers hardly tell how far apart
// layers are. 1/V = z·(x × y) is linear in the heights z, with a standard deviation.
struct VolumeError {
  Eigen::Vector3d direction;  // of the heights, for a change of 1/V by one standard deviation
  double relative;
};
VolumeError volume_error(const Eigen::Matrix3d& basis, const Eigen::Matrix3d& inverse_normal, double error_z);

}  // namespace bragglive::indexing
