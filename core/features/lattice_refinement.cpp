#include "core/features/lattice_refinement.hpp"

#include <Eigen/Core>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <numbers>

namespace bragglive::indexing {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;
using RowMajor = Eigen::Matrix<double, 3, 3, Eigen::RowMajor>;

constexpr float k_error_z = 0.008F;  // excitation errors of bright spots, 1/Å
constexpr int k_rounds = 5;          // from the inner spots outwards, tolerances ever tighter

double reach_of(double sigma) {
  return 2.6 * sigma + 0.0015;
}

Matrix3d matrix_of(const Basis& basis) {
  Matrix3d out;
  for (Eigen::Index k = 0; k < 3; ++k) {
    const auto i = static_cast<std::size_t>(k);
    out.col(k) << double{basis.x[i]}, double{basis.y[i]}, double{basis.z[i]};
  }
  return out;
}

}  // namespace

// Small cells have few spots near the centre: as many as it takes take part.
LatticeRefinement::LatticeRefinement(const Points& points, const LatticeKernels& run, double sigma)
    : points_(points), run_(run), sigma_(sigma) {
  Lane q2 = points.q2;
  std::sort(q2.begin(), q2.end());
  inner2_ = std::max(0.64F, q2[std::min<std::size_t>(8, points.count) - 1] + 0.001F);
  middle2_ = std::max(1.44F, q2[std::min<std::size_t>(14, points.count) - 1] + 0.001F);
}

Window LatticeRefinement::window(int round, double sigma) const {
  const float tolerance = static_cast<float>(round == 0 ? 3 * sigma + 0.002 : reach_of(sigma));
  const float tolerance_z = round == 0 ? 0.05F : round == 1 ? 0.03F : 2.5F * k_error_z;
  const float error = static_cast<float>(sigma + 0.0008);
  Window out{};
  out.tolerance2 = tolerance * tolerance;
  out.tolerance_z2 = tolerance_z * tolerance_z;
  out.weight_xy = 1 / (error * error);
  out.weight_z = 1 / (k_error_z * k_error_z * (round < 2 ? 9.0F : 1.0F));
  out.reach2 = round == 0 ? inner2_ : round == 1 ? middle2_ : 100.0F;
  out.layers = round == 0 ? k_layers : 2 * k_layers;
  return out;
}

bool LatticeRefinement::refine(Basis basis, LatticeFit& out) {
  double sigma = sigma_;
  for (int round = 0; round < k_rounds; ++round) {
    const bool last = round == k_rounds - 1;
    if (last) sigma = std::clamp(1.3 * out.error_xy, std::min(0.0005, sigma_), sigma_);
    run_.index(points_, basis, window(round, sigma), indices_);
    // In the first rounds few spots take part: the basis as it was holds what they leave free.
    if (!solve(basis, round < 2 ? 0.3 : 1e-3, last, out)) return false;
  }
  return judge(basis, sigma, out);
}

bool LatticeRefinement::solve(Basis& basis, double hold, bool last, LatticeFit& out) {
  constexpr std::size_t k_fewest = 4;
  Matrix3d normal = Matrix3d::Zero(), right = Matrix3d::Zero();
  double xy = 0, z = 0;
  out.indexed = 0;
  for (std::size_t s = 0; s < points_.count; ++s) {
    if (indices_.cost[s] >= k_unindexed) continue;
    const Vector3d n(double{indices_.n1[s]}, double{indices_.n2[s]}, double{indices_.n3[s]});
    const Vector3d g(double{points_.x[s]}, double{points_.y[s]}, double{points_.z[s]});
    normal += n * n.transpose();
    right += g * n.transpose();
    const double dx = double{indices_.dx[s]}, dy = double{indices_.dy[s]}, dz = double{indices_.dz[s]};
    xy += dx * dx + dy * dy;
    z += dz * dz;
    ++out.indexed;
  }
  if (out.indexed < k_fewest) return false;
  // A determinant of whole numbers: below 1 it is 0, and the spots lie in one plane through the origin.
  if (last && normal.determinant() < 0.5) return false;
  normal += hold * Matrix3d::Identity();
  const Matrix3d inverse = normal.inverse();
  const Matrix3d solved = (right + hold * matrix_of(basis)) * inverse;
  for (Eigen::Index k = 0; k < 3; ++k) {
    const auto i = static_cast<std::size_t>(k);
    basis.x[i] = static_cast<float>(solved(0, k));
    basis.y[i] = static_cast<float>(solved(1, k));
    basis.z[i] = static_cast<float>(solved(2, k));
  }
  if (!(std::abs(solved.topLeftCorner<2, 2>().determinant()) > 1e-4)) return false;
  Eigen::Map<RowMajor>(out.inverse_normal.data()) = inverse;
  const auto indexed = static_cast<double>(out.indexed);
  out.error_xy = std::sqrt(xy / indexed / 2);
  out.error_z = std::sqrt(z / indexed);
  return true;
}

// The heights z_E are regressed on indices, that is on the true heights z_E + s, and come out too small by
// <z_E²> / <(z_E + s)²>; how much of z_E the fit explains tells by how much.
double LatticeRefinement::height_factor(const Basis& basis) const {
  constexpr double k_most = 1.6;
  double fitted = 0, measured = 0;
  for (std::size_t s = 0; s < points_.count; ++s) {
    if (indices_.cost[s] >= k_unindexed) continue;
    const double z = double{basis.z[0]} * double{indices_.n1[s]} +
                     double{basis.z[1]} * double{indices_.n2[s]} +
                     double{basis.z[2]} * double{indices_.n3[s]};
    fitted += z * z;
    measured += double{points_.z[s]} * double{points_.z[s]};
  }
  return fitted > 0 && measured > fitted ? std::min(k_most, measured / fitted) : 1.0;
}

bool LatticeRefinement::judge(const Basis& basis, double sigma, LatticeFit& out) const {
  constexpr double k_largest = 4000, k_smallest = 3;  // Å³
  constexpr double k_lost = -1.6;                     // a spot that no index explains
  Matrix3d b = matrix_of(basis);
  b.row(2) *= height_factor(basis);
  out.volume = 1 / std::abs(b.determinant());
  if (!(out.volume < k_largest && out.volume > k_smallest)) return false;
  Eigen::Map<RowMajor>(out.basis.data()) = b;
  out.spots = points_.count;
  const double tolerance = reach_of(sigma);
  out.chance = std::min(0.95, out.volume * std::numbers::pi * tolerance * tolerance * 5 * double{k_error_z});
  out.merit = -static_cast<double>(out.indexed) * std::log(out.chance) +
              k_lost * static_cast<double>(points_.count - out.indexed);
  return true;
}

}  // namespace bragglive::indexing
