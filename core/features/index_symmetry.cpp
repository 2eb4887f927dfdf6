#include "core/features/index_symmetry.hpp"

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/features/metric_fit.hpp"

namespace bragglive::indexing {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;
using Eigen::Vector3i;
using RowMajor = Eigen::Matrix<double, 3, 3, Eigen::RowMajor>;

// Makes the basis the shortest one (Buerger); returns T with new = old T.
Matrix3d reduce(Matrix3d& b) {
  Matrix3d t = Matrix3d::Identity();
  const auto add = [&](Eigen::Index to, Eigen::Index of, double m) {
    b.col(to) += m * b.col(of);
    t.col(to) += m * t.col(of);
  };
  for (int step = 0; step < 30; ++step) {
    bool changed = false;
    for (Eigen::Index i = 0; i < 3; ++i)
      for (Eigen::Index j = 0; j < 3; ++j) {
        if (i == j || b.col(i).squaredNorm() < b.col(j).squaredNorm()) continue;
        const double m = std::nearbyint(b.col(i).dot(b.col(j)) / b.col(j).squaredNorm());
        if (m == 0) continue;
        add(i, j, -m);
        changed = true;
      }
    if (changed) continue;
    Eigen::Index big = 0;
    b.colwise().squaredNorm().maxCoeff(&big);
    const Eigen::Index p = (big + 1) % 3, q = (big + 2) % 3;
    for (const double s : {-1.0, 1.0})
      for (const double u : {-1.0, 1.0}) {
        const Vector3d v = b.col(big) + s * b.col(p) + u * b.col(q);
        if (v.squaredNorm() >= b.col(big).squaredNorm() * (1 - 1e-9)) continue;
        add(big, p, s), add(big, q, u);
        changed = true;
      }
    if (!changed) break;
  }
  return t;
}

// The direct row along which two planes meet, without a common divisor, its first number positive.
Vector3i meet(const Vector3i& a, const Vector3i& b) {
  Vector3i row = a.cross(b);
  const int divisor = std::gcd(std::gcd(row[0], row[1]), row[2]);
  if (divisor > 1) row /= divisor;
  const int first = row[0] != 0 ? row[0] : row[1] != 0 ? row[1] : row[2];
  return first < 0 ? Vector3i(-row) : row;
}

double length_of(const Matrix3d& direct, const Vector3i& row) {
  const Vector3d u = row.cast<double>();
  return std::sqrt(u.dot(direct * u));
}

struct TwoFold {
  Vector3i h, u;
  Relations relations;
  double chi2 = 0;
};

constexpr std::size_t k_most_axes = 24, k_paired_axes = 12,
                      k_most_pairs = k_paired_axes * (k_paired_axes - 1) / 2;
constexpr double k_worst_axis = 60;  // χ² of an axis that takes part in pairs
constexpr double k_cosine2 = 0.933;  // of 15 degrees between row and plane normal: the heights are uncertain

// Half of the planes with indices up to 2, without common divisor.
constexpr auto k_low_planes = [] {
  std::array<std::array<int, 3>, 49> out{};
  std::size_t count = 0;
  for (int h = -2; h <= 2; ++h)
    for (int k = -2; k <= 2; ++k)
      for (int l = 0; l <= 2; ++l) {
        if (l == 0 && (k < 0 || (k == 0 && h <= 0))) continue;
        if (h % 2 == 0 && k % 2 == 0 && l % 2 == 0) continue;
        out[count++] = {h, k, l};
      }
  return out;
}();

// Orders of the product of two two-fold operations, less one rank: 222, 32, 422, 622.
enum Product { k_two, k_three, k_four, k_six };

LatticeSystem system_of(Product product) {
  constexpr std::array k_systems{LatticeSystem::orthorhombic, LatticeSystem::rhombohedral,
                                 LatticeSystem::tetragonal, LatticeSystem::hexagonal};
  return k_systems[product];
}

class Search {
 public:
  Search(const MetricFit& metric, const Matrix3d& start, double volume, SymmetryFit& out)
      : metric_(metric), basis_(start), volume_(volume), out_(out) {}

  void run() {
    find_axes();
    const std::size_t n = std::min(count_, k_paired_axes);
    for (std::size_t i = 0; i < n && axis_[i].chi2 < k_worst_axis; ++i)
      for (std::size_t j = i + 1; j < n && axis_[j].chi2 < k_worst_axis; ++j) pair(axis_[i], axis_[j]);
  }

 private:
  void find_axes() {
    const Matrix3d g = basis_.transpose() * basis_, direct = g.inverse();
    for (const auto& plane : k_low_planes) {
      const Vector3i h(plane[0], plane[1], plane[2]);
      const Vector3d real = h.cast<double>(), normal = g * real;  // the plane's normal in the direct frame
      const double big = normal.cwiseAbs().maxCoeff(), square = real.dot(normal);
      for (const double m : {1.0, 2.0, 3.0}) {
        const Vector3d row = (normal * (m / big)).array().round();
        const double product = row.dot(real);
        if (product != 1 && product != 2) continue;
        if (product * product < k_cosine2 * square * row.dot(direct * row)) continue;
        add_axis(h, row.cast<int>());
      }
    }
    std::sort(axis_.begin(), axis_.begin() + static_cast<std::ptrdiff_t>(count_),
              [](const TwoFold& a, const TwoFold& b) { return a.chi2 < b.chi2; });
    double good = 0;
    for (std::size_t k = 0; k < count_; ++k) good += axis_[k].chi2 < 12 ? 1 : 0;
    out_.two_folds = std::max(out_.two_folds, good);
  }

  void add_axis(const Vector3i& h, const Vector3i& u) {
    for (std::size_t k = 0; k < count_; ++k)
      if (axis_[k].h == h && axis_[k].u == u) return;
    TwoFold axis{h, u, relations_of_axis(h.cast<double>(), u.cast<double>()), 0};
    Matrix3d b = basis_;
    axis.chi2 = metric_.solve(axis.relations, 3, b);
    if (axis.chi2 < k_incompatible) {
      SystemFit fit = begin(axis.chi2, b);
      fit.b = length_of((b.transpose() * b).inverse(), u);
      fit.a = 1 / (std::abs(b.determinant()) * fit.b);
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
  void pair(const TwoFold& a, const TwoFold& b) {
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
    Matrix3d basis = basis_;
    const double chi2 = metric_.solve(relations, 4, basis);
    if (!(chi2 < k_incompatible)) return;
    describe(product, a.u, b.u, third, chi2, basis);
    if (product == k_four) extend_to_cubic(relations, third);
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
  bool seen(Product product, const std::array<Vector3i, 3>& rows) {
    const auto same = [&](const Group& g) {
      if (g.product != product) return false;
      if (product != k_two) return g.rows[2] == rows[2];
      return g.has(rows[0]) && g.has(rows[1]) && g.has(rows[2]);
    };
    const auto end = group_.begin() + static_cast<std::ptrdiff_t>(groups_);
    if (std::any_of(group_.begin(), end, same)) return true;
    group_[groups_++] = {product, rows};
    return false;
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
  void extend_to_cubic(const Relations& tetragonal, const Vector3i& main_axis) {
    const std::size_t n = std::min(count_, k_paired_axes);
    for (std::size_t k = 0; k < n && axis_[k].chi2 < k_worst_axis; ++k) {
      Relations relations = tetragonal;
      relations.add(axis_[k].relations);
      if (relations.size() != 5) continue;
      Matrix3d b = basis_;
      const double chi2 = metric_.solve(relations, 4, b);
      if (!(chi2 < k_incompatible)) continue;
      SystemFit fit = begin(chi2, b);
      fit.a = fit.b = fit.c = length_of((b.transpose() * b).inverse(), main_axis);
      fit.multiple = fit.a * fit.a * fit.a * std::abs(b.determinant());
      return keep(LatticeSystem::cubic, fit);
    }
  }

  const MetricFit& metric_;
  Matrix3d basis_;
  double volume_;
  SymmetryFit& out_;
  std::array<TwoFold, k_most_axes> axis_;
  std::size_t count_ = 0;
  std::array<Group, k_most_pairs> group_;
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

// What is known least is the volume: spots of one or two layers hardly tell how far apart layers are. 1/V =
// z·(x × y) is linear in the heights z, with a standard deviation.
struct VolumeError {
  Vector3d direction;  // of the heights, for a change of 1/V by one standard deviation
  double relative;
};
VolumeError volume_error(const Matrix3d& basis, const Matrix3d& inverse_normal, double error_z) {
  const Vector3d w = Vector3d(basis.row(0)).cross(Vector3d(basis.row(1)));
  const Vector3d moved = inverse_normal * w;
  const double deviation = std::sqrt(w.dot(moved));
  return {moved * (error_z / deviation), error_z * deviation / std::abs(basis.row(2).dot(w))};
}

}  // namespace

SymmetryFit fit_symmetry(const LatticeFit& fit, double sigma) noexcept {
  SymmetryFit out;
  if (!fit.found()) return out;
  // Floors: a few spots agree by chance better than they were measured.
  const double error_xy = std::max(0.5 * sigma, fit.error_xy) + 0.0006,
               error_z = std::max(0.004, fit.error_z);
  const Matrix3d measured = Eigen::Map<const RowMajor>(fit.basis.data());
  const Matrix3d normal = Eigen::Map<const RowMajor>(fit.inverse_normal.data());
  // From other volumes within the error other bases are the shortest, and other axes come near enough to be
  // tried.
  constexpr double k_sure_volume = 0.08, k_least_volume = 0.2;
  const VolumeError volume = volume_error(measured, normal, error_z);
  out.volume_error = std::min(9.0, volume.relative);
  const double sign = measured.determinant() < 0 ? -1 : 1;
  for (const double step : {0.0, 1.0, 2.0, -1.0, 3.0, -2.0}) {
    if (step != 0 && (volume.relative < k_sure_volume || 1 + step * volume.relative < k_least_volume))
      continue;
    Matrix3d start = measured;
    start.row(2) += sign * step * volume.direction.transpose();
    const Matrix3d t = reduce(start);
    // n' = T⁻¹ n, so (Σ n' n'ᵀ)⁻¹ = Tᵀ (Σ n nᵀ)⁻¹ T
    const Matrix3d inverse_normal = t.transpose() * normal * t, basis = measured * t;
    if (step == 0) describe_cell(basis, out);
    const MetricFit metric(basis, inverse_normal, error_xy, error_z);
    Search(metric, start, out.volume, out).run();
  }
  return out;
}

}  // namespace bragglive::indexing
