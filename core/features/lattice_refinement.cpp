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

constexpr float k_error_z = 0.008F;                 // excitation errors of bright spots, 1/Å
constexpr double k_largest = 4000, k_smallest = 3;  // volume of a primitive cell, Å³
constexpr int k_rounds = 5;                         // from the inner spots outwards, tolerances ever tighter

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

Matrix3d normal_of(const IndexSums& sums) {
  const auto [n11, n12, n13, n22, n23, n33] = sums.nn;
  Matrix3d out;
  out << double{n11}, double{n12}, double{n13}, double{n12}, double{n22}, double{n23}, double{n13},
      double{n23}, double{n33};
  return out;
}

// B = (Σ g nᵀ + hold B) (Σ n nᵀ + hold)⁻¹
bool solve(const IndexSums& sums, double hold, bool last, Basis& basis, LatticeFit& out) {
  constexpr float k_fewest = 4;
  if (sums.count < k_fewest) return false;
  Matrix3d normal = normal_of(sums);
  // A determinant of whole numbers: below 1 it is 0, and the spots lie in one plane through the origin.
  if (last && normal.determinant() < 0.5) return false;
  normal.diagonal().array() += hold;
  const Matrix3d inverse = normal.inverse();
  Matrix3d right = hold * matrix_of(basis);
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t k = 0; k < 3; ++k)
      right(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(k)) += double{sums.gn[row][k]};
  const Matrix3d solved = right * inverse;
  for (Eigen::Index k = 0; k < 3; ++k) {
    const auto i = static_cast<std::size_t>(k);
    basis.x[i] = static_cast<float>(solved(0, k));
    basis.y[i] = static_cast<float>(solved(1, k));
    basis.z[i] = static_cast<float>(solved(2, k));
  }
  if (!(std::abs(solved.topLeftCorner<2, 2>().determinant()) > 1e-4)) return false;
  Eigen::Map<RowMajor>(out.inverse_normal.data()) = inverse;
  const auto indexed = double{sums.count};
  out.indexed = static_cast<std::size_t>(sums.count);
  out.error_xy = std::sqrt(double{sums.dxy2} / indexed / 2);
  out.error_z = std::sqrt(double{sums.dz2} / indexed);
  return true;
}

// The heights z_E are regressed on indices, that is on the true heights z_E + s, and come out too small by
// <z_E²> / <(z_E + s)²>; how much of z_E the fit explains tells by how much.
double height_factor(const Eigen::RowVector3d& heights, const IndexSums& sums) {
  constexpr double k_most = 1.6;
  const double fitted = heights * normal_of(sums) * heights.transpose(), measured = double{sums.zz};
  return fitted > 0 && measured > fitted ? std::min(k_most, measured / fitted) : 1.0;
}

}  // namespace

// Small cells have few spots near the centre: as many as it takes take part.
LatticeRefinement::LatticeRefinement(const Points& points, const LatticeKernels& run, double sigma)
    : points_(points), run_(run), sigma_(sigma) {
  const Lane& q2 = points.q2;
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
  IndexSums sums;
  for (int round = 0; round < k_rounds; ++round) {
    const bool last = round == k_rounds - 1;
    if (last) sigma = std::clamp(1.3 * out.error_xy, std::min(0.0005, sigma_), sigma_);
    sums = run_.index(points_, basis, window(round, sigma));
    // In the first rounds few spots take part: the basis as it was holds what they leave free.
    if (!solve(sums, round < 2 ? 0.3 : 1e-3, last, basis, out)) return false;
    // Heights of too flat a triple do not get better further out.
    if (round == 1 && std::abs(matrix_of(basis).determinant()) * 5 * k_largest < 1) return false;
  }
  return judge(basis, sums, sigma, out);
}

bool LatticeRefinement::judge(const Basis& basis, const IndexSums& sums, double sigma,
                              LatticeFit& out) const {
  constexpr double k_unexplained = -1.6;  // a spot that no index explains
  Matrix3d b = matrix_of(basis);
  b.row(2) *= height_factor(b.row(2), sums);
  out.volume = 1 / std::abs(b.determinant());
  if (!(out.volume < k_largest && out.volume > k_smallest)) return false;
  Eigen::Map<RowMajor>(out.basis.data()) = b;
  out.spots = points_.count;
  const double tolerance = reach_of(sigma);
  out.chance = std::min(0.95, out.volume * std::numbers::pi * tolerance * tolerance * 5 * double{k_error_z});
  out.merit = -static_cast<double>(out.indexed) * std::log(out.chance) +
              k_unexplained * static_cast<double>(points_.count - out.indexed);
  return true;
}

}  // namespace bragglive::indexing
