#include "core/features/metric_fit.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>

namespace bragglive::indexing {
namespace {

// N as the symmetric matrix with <N, G> = ½ tr(sym G).
Eigen::Matrix3d doubled(const Relation& r) {
  Eigen::Matrix3d out;
  out << 2 * r[0], r[5], r[4], r[5], 2 * r[1], r[3], r[4], r[3], 2 * r[2];
  return out;
}

double product(const Relation& a, const Relation& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

void Relations::add(Relation relation) {
  const double before = product(relation, relation);
  for (std::size_t k = 0; k < count_; ++k) {
    const double along = product(relation, at_[k]);
    for (std::size_t i = 0; i < relation.size(); ++i) relation[i] -= along * at_[k][i];
  }
  const double after = product(relation, relation);
  if (count_ == at_.size() || !(after > 1e-12 * before)) return;
  for (double& x : relation) x /= std::sqrt(after);
  at_[count_++] = relation;
}

void Relations::add(const Relations& other) {
  for (std::size_t k = 0; k < other.size(); ++k) add(other[k]);
}

Relations relations_of_axis(const Eigen::Vector3d& h, const Eigen::Vector3d& u) {
  constexpr std::array<std::array<std::size_t, 3>, 3> k_place{{{0, 5, 4}, {5, 1, 3}, {4, 3, 2}}};
  Relations out;
  for (Eigen::Index k = 0; k < 3; ++k) {
    const Eigen::Index i = (k + 1) % 3, j = (k + 2) % 3;
    Relation r{};  // (G h)_i u_j - (G h)_j u_i
    for (Eigen::Index m = 0; m < 3; ++m) {
      r[k_place[static_cast<std::size_t>(i)][static_cast<std::size_t>(m)]] += h[m] * u[j];
      r[k_place[static_cast<std::size_t>(j)][static_cast<std::size_t>(m)]] -= h[m] * u[i];
    }
    out.add(r);
  }
  return out;
}

template <int N>
double MetricFit::solve_sized(const Relations& relations, int rounds, Eigen::Matrix3d& b) const {
  std::array<Eigen::Matrix3d, N> gradient, moved;  // of <N, BᵀB>; the same times the covariance
  Eigen::Matrix<double, N, N> system;
  Eigen::Matrix<double, N, 1> rest;
  double chi2 = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int k = 0; k < N; ++k) {
      const auto at = static_cast<std::size_t>(k);
      gradient[at] = b * doubled(relations[at]);
      moved[at] = variance_.asDiagonal() * (gradient[at] * inverse_normal_);
      // The relation, linearised at b, as the measured basis breaks it.
      rest[k] = gradient[at].cwiseProduct(basis_ - 0.5 * b).sum();
      for (int m = 0; m <= k; ++m)
        system(k, m) = system(m, k) = gradient[static_cast<std::size_t>(m)].cwiseProduct(moved[at]).sum();
    }
    const Eigen::LLT<Eigen::Matrix<double, N, N>> factors(system);
    if (factors.info() != Eigen::Success) return k_no_solution;
    const Eigen::Matrix<double, N, 1> multiplier = factors.solve(rest);
    chi2 = multiplier.dot(rest);
    if (!(chi2 >= 0 && chi2 < k_hopeless)) return k_no_solution;
    b = basis_;
    for (int k = 0; k < N; ++k) b -= multiplier[k] * moved[static_cast<std::size_t>(k)];
  }
  return chi2;
}

MeasuredBasis MetricFit::measured() const {
  MeasuredBasis out;
  Eigen::Map<Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>(out.basis.data()) = basis_;
  const Eigen::Matrix3d& n = inverse_normal_;
  out.inverse_normal = {n(0, 0), n(1, 1), n(2, 2), n(1, 2), n(0, 2), n(0, 1)};
  out.variance = {variance_[0], variance_[1], variance_[2]};
  return out;
}

double MetricFit::solve(const Relations& relations, int rounds, Eigen::Matrix3d& b) const {
  switch (relations.size()) {
    case 3:
      return solve_sized<3>(relations, rounds, b);
    case 4:
      return solve_sized<4>(relations, rounds, b);
    case 5:
      return solve_sized<5>(relations, rounds, b);
    default:
      return k_no_solution;
  }
}

VolumeError volume_error(const Eigen::Matrix3d& basis, const Eigen::Matrix3d& inverse_normal,
                         double error_z) {
  const Eigen::Vector3d w = Eigen::Vector3d(basis.row(0)).cross(Eigen::Vector3d(basis.row(1)));
  const Eigen::Vector3d moved = inverse_normal * w;
  const double deviation = std::sqrt(w.dot(moved));
  return {moved * (error_z / deviation), error_z * deviation / std::abs(basis.row(2).dot(w))};
}

}  // namespace bragglive::indexing
