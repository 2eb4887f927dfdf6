#include "core/features/index_symmetry.hpp"

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/features/lattice_rows.hpp"
#include "core/features/metric_fit.hpp"

namespace bragglive::indexing {
namespace {

using Eigen::Matrix3d;
using Eigen::Matrix3f;
using Eigen::Matrix3i;
using Eigen::Vector3d;
using Eigen::Vector3i;
using RowMajor = Eigen::Matrix<double, 3, 3, Eigen::RowMajor>;

struct TwoFold {
  Vector3i h, u;
  Relations relations;  // once it takes part in pairs
  double chi2 = 0;
  Matrix3d basis;       // the nearest with this axis
  unsigned starts = 0;  // bit k: proposed by the k-th start
};

constexpr std::size_t k_most_axes = 40, k_paired_axes = 9, k_most_groups = 200;
constexpr double k_worst_axis = 60;  // χ² of an axis that takes part in pairs

// Orders of the product of two two-fold operations, less one rank: 222, 32, 422, 622.
enum Product { k_two, k_three, k_four, k_six };

LatticeSystem system_of(Product product) {
  constexpr std::array k_systems{LatticeSystem::orthorhombic, LatticeSystem::rhombohedral,
                                 LatticeSystem::tetragonal, LatticeSystem::hexagonal};
  return k_systems[product];
}

class Search {
 public:
  Search(const MetricFit& metric, double volume, SymmetryFit& out)
      : metric_(metric), measured_(metric.measured()), volume_(volume), out_(out) {}

  // Low planes and rows that are nearly perpendicular in the lattice `start`, a basis of the same indices as
  // the measured one that the heights' errors allow.
  void add_axes(const Matrix3d& start) {
    Matrix3d reduced = start;
    const Matrix3d t = reduce_basis(reduced);
    const Matrix3i plane_of = t.array().round().cast<int>().matrix();
    const Matrix3i row_of = t.inverse().transpose().array().round().cast<int>().matrix();
    const Matrix3f g = (reduced.transpose() * reduced).cast<float>(), direct = g.inverse();
    NearRows rows;
    for (const float m : {1.0F, 2.0F, 3.0F}) {
      rows.find(g, direct, m);
      for (std::size_t p = 0; p < k_low_planes.size(); ++p) {
        if (rows.near[p] == 0) continue;
        const Vector3i h(k_low_planes[p][0], k_low_planes[p][1], k_low_planes[p][2]), u = rows.row(p);
        if (rows.product[p] == 2 && is_double(u)) continue;  // the same axis as half the row
        propose(plane_of * h, row_of * u, start);
      }
    }
    add_proposed(start);
    ++starts_;
  }

  void run() {
    const auto end = axis_.begin() + static_cast<std::ptrdiff_t>(count_);
    std::sort(axis_.begin(), end, [](const TwoFold& a, const TwoFold& b) { return a.chi2 < b.chi2; });
    for (std::size_t k = 0; k < starts_; ++k) {
      begin_with(1U << k);
      for (std::size_t i = 0; i < paired_; ++i)
        for (std::size_t j = i + 1; j < paired_; ++j) pair(pair_[i], pair_[j]);
    }
  }

 private:
  // The best axes that are low in one start.
  void begin_with(unsigned start) {
    constexpr double k_good = 12;
    paired_ = 0;
    double good = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if ((axis_[i].starts & start) == 0) continue;
      good += axis_[i].chi2 < k_good ? 1 : 0;
      if (axis_[i].chi2 >= k_worst_axis || paired_ == k_paired_axes) continue;
      pair_[paired_++] = i;
      TwoFold& axis = axis_[i];
      if (axis.relations.size() == 0)
        axis.relations = relations_of_axis(axis.h.cast<double>(), axis.u.cast<double>());
    }
    out_.two_folds = std::max(out_.two_folds, good);
  }

  static bool is_double(const Vector3i& u) { return ((u[0] | u[1] | u[2]) & 1) == 0; }

  void propose(Vector3i h, Vector3i u, const Matrix3d& start) {
    if (const int first = h[0] != 0 ? h[0] : h[1] != 0 ? h[1] : h[2]; first < 0) h = -h, u = -u;
    for (std::size_t k = 0; k < count_; ++k)
      if (axis_[k].h == h && axis_[k].u == u) {
        axis_[k].starts |= 1U << starts_;
        return;
      }
    for (std::size_t k = 0; k < batch_.size(); ++k)
      if (proposed_[k].h == h && proposed_[k].u == u) return;
    proposed_[batch_.size()] = {h, u};
    batch_.add(h, u);
    if (batch_.size() == AxisBatch::k_lanes) add_proposed(start);
  }

  void add_proposed(const Matrix3d& start) {
    if (batch_.size() > 0) batch_.solve(measured_, start);
    for (std::size_t k = 0; k < batch_.size(); ++k)
      add_axis({proposed_[k].h, proposed_[k].u, {}, batch_.chi2(k), batch_.basis(k), 1U << starts_});
    batch_.clear();
  }

  void add_axis(const TwoFold& axis) {
    if (axis.chi2 < out_.of(LatticeSystem::monoclinic).second) {
      SystemFit fit = begin(axis.chi2, axis.basis);
      const Matrix3d direct = (axis.basis.transpose() * axis.basis).inverse();
      fit.b = length_of(direct, axis.u);
      const Net across = net_of(direct, axis.h);
      fit.a = across.a, fit.c = across.c, fit.multiple = across.cosine;
      keep(LatticeSystem::monoclinic, fit);
    }
    if (count_ < k_most_axes) {
      axis_[count_++] = axis;
    } else {
      const auto worst = std::max_element(axis_.begin(), axis_.end(),
                                          [](const TwoFold& p, const TwoFold& q) { return p.chi2 < q.chi2; });
      if (axis.chi2 < worst->chi2) *worst = axis;
    }
  }

  SystemFit begin(double chi2, const Matrix3d& b) const {
    SystemFit fit;
    fit.chi2 = chi2;
    fit.stretch = -std::log(volume_ * std::abs(b.determinant()));
    return fit;
  }

  void keep(LatticeSystem system, const SystemFit& fit) {
    SystemFit& best = out_.system[static_cast<std::size_t>(system)];
    // The same axes found from another start are not a second solution.
    const bool same = std::abs(fit.stretch - best.stretch) < 1e-3 && std::abs(fit.a - best.a) < 1e-3 * best.a;
    if (fit.chi2 < best.chi2) {
      const double second = same ? best.second : best.chi2;
      best = fit;
      best.second = second;
    } else if (!same) {
      best.second = std::min(best.second, fit.chi2);
    }
  }

  // The group that two axes generate. trace(Ra Rb) + 1 = 4 (ua·hb)(ub·ha) / ((ua·ha)(ub·hb)) is 0, 1, 2 or 3
  // for products of order 2, 3, 4 and 6.
  void pair(std::size_t first, std::size_t second) {
    if (std::exchange(tried_[first][second], true)) return;  // in another start
    const TwoFold &a = axis_[first], &b = axis_[second];
    const int ab = a.u.dot(b.h), ba = b.u.dot(a.h), below = a.u.dot(a.h) * b.u.dot(b.h), above = 4 * ab * ba;
    if (above % below != 0 || above / below < 0 || above / below > 3) return;
    const auto product = static_cast<Product>(above / below);
    if (product == k_two && (ab != 0 || ba != 0)) return;
    // χ² of the group is at least that of each axis: what cannot become first or second is not tried.
    double worst = out_.of(system_of(product)).second;
    if (product == k_four) worst = std::max(worst, out_.of(LatticeSystem::cubic).second);
    if (std::max(a.chi2, b.chi2) >= worst) return;
    const Vector3i third = meet(a.h, b.h);
    if (seen(product, {a.u, b.u, third})) return;
    Relations relations = a.relations;
    relations.add(b.relations);
    if (relations.size() > 4) return;
    Matrix3d basis = a.basis;
    const double chi2 = metric_.solve(relations, 4, basis);
    if (!(chi2 < k_incompatible)) return;
    if (groups_ < k_most_groups) group_[groups_++] = {product, {a.u, b.u, third}};
    describe(product, a.u, b.u, third, chi2, basis);
    if (product == k_four) extend_to_cubic(relations, third, basis);
  }

  // Other axes of the same group generate it too: those of 32, 422 and 622 share the main axis, those of 222
  // are the same three.
  struct Group {
    Product product;
    std::array<Vector3i, 3> rows;
    bool has(const Vector3i& row) const {
      return std::any_of(rows.begin(), rows.end(), [&](const Vector3i& r) { return r == row || r == -row; });
    }
  };
  bool seen(Product product, const std::array<Vector3i, 3>& rows) const {
    const auto same = [&](const Group& g) {
      if (g.product != product) return false;
      if (product != k_two) return g.rows[2] == rows[2];
      return g.has(rows[0]) && g.has(rows[1]) && g.has(rows[2]);
    };
    const auto end = group_.begin() + static_cast<std::ptrdiff_t>(groups_);
    return std::any_of(group_.begin(), end, same);
  }

  void describe(Product product, const Vector3i& u1, const Vector3i& u2, const Vector3i& third, double chi2,
                const Matrix3d& b) {
    const Matrix3d direct = (b.transpose() * b).inverse();
    const double volume = 1 / std::abs(b.determinant());
    SystemFit fit = begin(chi2, b);
    std::array<double, 3> length{length_of(direct, u1), length_of(direct, u2), length_of(direct, third)};
    if (product == k_two) {
      std::sort(length.begin(), length.end());
      fit.a = length[0], fit.b = length[1], fit.c = length[2];
      fit.multiple = fit.a * fit.b * fit.c / volume;
      return keep(system_of(product), fit);
    }
    // Two axes whose product has order 4 or 6 are of both kinds, a and its diagonal.
    fit.a = std::min(length[0], length[1]), fit.c = length[2], fit.b = fit.c / fit.a;
    fit.multiple = (product == k_four ? 1.0 : std::sqrt(0.75)) * fit.a * fit.a * fit.c / volume;
    keep(system_of(product), fit);
  }

  // 422 and an axis outside it that leaves one free number.
  void extend_to_cubic(const Relations& tetragonal, const Vector3i& main_axis, const Matrix3d& basis) {
    for (std::size_t k = 0; k < paired_; ++k) {
      Relations relations = tetragonal;
      relations.add(axis_[pair_[k]].relations);
      if (relations.size() != 5) continue;
      Matrix3d b = basis;
      const double chi2 = metric_.solve(relations, 4, b);
      if (!(chi2 < k_incompatible)) continue;
      SystemFit fit = begin(chi2, b);
      fit.a = fit.b = fit.c = length_of((b.transpose() * b).inverse(), main_axis);
      fit.multiple = fit.a * fit.a * fit.a * std::abs(b.determinant());
      return keep(LatticeSystem::cubic, fit);
    }
  }

  const MetricFit& metric_;
  MeasuredBasis measured_;
  double volume_;
  SymmetryFit& out_;
  std::array<TwoFold, k_most_axes> axis_;
  std::size_t count_ = 0;
  unsigned starts_ = 0;
  AxisBatch batch_;
  struct Proposed {
    Vector3i h, u;
  };
  std::array<Proposed, AxisBatch::k_lanes> proposed_;
  std::array<std::size_t, k_paired_axes> pair_;  // numbers of axes
  std::size_t paired_ = 0;
  std::array<std::array<bool, k_most_axes>, k_most_axes> tried_{};
  std::array<Group, k_most_groups> group_;
  std::size_t groups_ = 0;
};

void describe_cell(const Matrix3d& basis, SymmetryFit& out) {
  const Matrix3d direct = (basis.transpose() * basis).inverse();
  out.volume = 1 / std::abs(basis.determinant());
  for (Eigen::Index i = 0; i < 3; ++i) {
    const Eigen::Index j = (i + 1) % 3, k = (i + 2) % 3;
    out.length[static_cast<std::size_t>(i)] = std::sqrt(direct(i, i));
    out.cosine[static_cast<std::size_t>(i)] =
        std::min(1.0, std::abs(direct(j, k)) / std::sqrt(direct(j, j) * direct(k, k)));
  }
  std::sort(out.length.begin(), out.length.end());
  std::sort(out.cosine.begin(), out.cosine.end());
}

}  // namespace

SymmetryFit fit_symmetry(const LatticeFit& fit, double sigma) noexcept {
  SymmetryFit out;
  if (!fit.found()) return out;
  // Floors: a few spots agree by chance better than they were measured.
  const double error_xy = std::max(0.5 * sigma, fit.error_xy) + 0.0006,
               error_z = std::max(0.004, fit.error_z);
  // In the shortest basis: indices are small there, and relations of a metric tensor well apart.
  Matrix3d measured = Eigen::Map<const RowMajor>(fit.basis.data());
  const Matrix3d t = reduce_basis(measured);
  // n' = T⁻¹ n, so (Σ n' n'ᵀ)⁻¹ = Tᵀ (Σ n nᵀ)⁻¹ T
  const Matrix3d normal = t.transpose() * Eigen::Map<const RowMajor>(fit.inverse_normal.data()) * t;
  describe_cell(measured, out);
  // From other volumes within the error other bases are the shortest, and other axes come near enough to be
  // tried.
  constexpr double k_sure_volume = 0.08, k_least_volume = 0.2;
  const VolumeError volume = volume_error(measured, normal, error_z);
  out.volume_error = std::min(9.0, volume.relative);
  const double sign = measured.determinant() < 0 ? -1 : 1;
  const MetricFit metric(measured, normal, error_xy, error_z);
  Search search(metric, out.volume, out);
  for (const double step : {0.0, 1.0, 2.0, -1.0, 3.0, -2.0}) {
    if (step != 0 && (volume.relative < k_sure_volume || 1 + step * volume.relative < k_least_volume))
      continue;
    Matrix3d start = measured;
    start.row(2) += sign * step * volume.direction.transpose();
    search.add_axes(start);
  }
  search.run();
  return out;
}

}  // namespace bragglive::indexing
