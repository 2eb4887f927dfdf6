#include "core/calibrate/plane_lattice.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace bragglive {
namespace {

using Vec = std::array<double, 2>;

double dot(const Vec& a, const Vec& b) {
  return a[0] * b[0] + a[1] * b[1];
}
double cross(const Vec& a, const Vec& b) {
  return a[0] * b[1] - a[1] * b[0];
}

// Lagrange and Gauss: the two shortest vectors of the lattice.
void reduce(Vec& a, Vec& b) {
  for (int round = 0; round < 32; ++round) {
    if (dot(a, a) > dot(b, b)) std::swap(a, b);
    const double times = std::round(dot(a, b) / dot(a, a));
    if (times == 0) return;
    b = {b[0] - times * a[0], b[1] - times * a[1]};
  }
}

// Lattice vectors may be seen as disks or as differences of disks: the shortest of both, each place once, one
// of +v and -v.
std::vector<Vec> short_vectors(std::span<const RingVector> vectors, double shortest, double together) {
  constexpr std::size_t k_strongest = 40;
  constexpr std::size_t k_most = 28;
  std::vector<Vec> all;
  const std::size_t n = std::min(vectors.size(), k_strongest);
  for (std::size_t i = 0; i < n; ++i) {
    all.push_back({vectors[i].row, vectors[i].col});
    for (std::size_t j = 0; j < i; ++j)
      all.push_back({vectors[i].row - vectors[j].row, vectors[i].col - vectors[j].col});
  }
  std::erase_if(all, [&](const Vec& v) { return dot(v, v) < shortest * shortest; });
  std::sort(all.begin(), all.end(), [](const Vec& a, const Vec& b) { return dot(a, a) < dot(b, b); });
  std::vector<Vec> kept;
  for (const Vec& v : all) {
    const bool known = std::any_of(kept.begin(), kept.end(), [&](const Vec& other) {
      return std::min(std::hypot(v[0] - other[0], v[1] - other[1]),
                      std::hypot(v[0] + other[0], v[1] + other[1])) < together;
    });
    if (!known) kept.push_back(v);
    if (kept.size() == k_most) break;
  }
  return kept;
}

struct Trial {
  PlaneLattice lattice;
  double score = 0;
};

Trial try_basis(std::span<const RingVector> vectors, const Vec& a, const Vec& b, double tolerance) {
  Trial trial;
  trial.lattice.a = a;
  trial.lattice.b = b;
  double all = 0;
  double on = 0;
  bool along_a = false;
  bool along_b = false;
  for (const RingVector& vector : vectors) {
    const PlaneLattice::Place place = trial.lattice.place(vector.row, vector.col);
    all += vector.weight;
    if (place.miss > tolerance) continue;
    on += vector.weight;
    ++trial.lattice.vectors;
    along_a = along_a || place.h != 0;
    along_b = along_b || place.k != 0;
  }
  if (!along_a || !along_b) return trial;
  const double area = std::abs(cross(a, b));
  trial.lattice.chance = std::min(1.0, std::numbers::pi * tolerance * tolerance / area);
  trial.lattice.explained = on / all;
  const auto hits = static_cast<double>(trial.lattice.vectors);
  const auto total = static_cast<double>(vectors.size());
  const double p = trial.lattice.chance;
  trial.score = (hits - total * p) / std::sqrt(total * p * (1 - p) + 0.25);
  return trial;
}

// Least squares of the basis over the vectors on the lattice.
void refine(std::span<const RingVector> vectors, double tolerance, PlaneLattice& lattice) {
  for (int round = 0; round < 3; ++round) {
    Eigen::Matrix2d normal = Eigen::Matrix2d::Zero();
    Eigen::Matrix2d right = Eigen::Matrix2d::Zero();
    for (const RingVector& vector : vectors) {
      const PlaneLattice::Place place = lattice.place(vector.row, vector.col);
      if (place.miss > tolerance) continue;
      const Eigen::Vector2d index(place.h, place.k);
      normal += vector.weight * index * index.transpose();
      right += vector.weight * index * Eigen::RowVector2d(vector.row, vector.col);
    }
    if (!(normal.determinant() > 1e-9 * normal.squaredNorm())) return;
    const Eigen::Matrix2d basis = normal.inverse() * right;
    lattice.a = {basis(0, 0), basis(0, 1)};
    lattice.b = {basis(1, 0), basis(1, 1)};
  }
}

}  // namespace

PlaneLattice::Place PlaneLattice::place(double row, double col) const {
  const double area = cross(a, b);
  Place place;
  place.h = static_cast<int>(std::lround((row * b[1] - col * b[0]) / area));
  place.k = static_cast<int>(std::lround((col * a[0] - row * a[1]) / area));
  place.miss = std::hypot(row - place.h * a[0] - place.k * b[0], col - place.h * a[1] - place.k * b[1]);
  return place;
}

std::optional<PlaneLattice> find_plane_lattice(std::span<const RingVector> vectors, double shortest_px,
                                               double tolerance_px) {
  constexpr std::size_t k_least = 5;
  constexpr double k_flattest = 0.45;  // sine of the angle between a and b
  if (vectors.size() < k_least) return std::nullopt;
  const std::vector<Vec> candidates = short_vectors(vectors, shortest_px, 1.5 * tolerance_px);
  Trial best;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      Vec a = candidates[j];
      Vec b = candidates[i];
      if (std::abs(cross(a, b)) < k_flattest * std::sqrt(dot(a, a) * dot(b, b))) continue;
      reduce(a, b);
      if (dot(a, a) < shortest_px * shortest_px) continue;
      // An error of the short vectors grows with their multiples: first the nearer disks, then all.
      Trial trial = try_basis(vectors, a, b, tolerance_px);
      refine(vectors, tolerance_px, trial.lattice);
      trial = try_basis(vectors, trial.lattice.a, trial.lattice.b, tolerance_px);
      if (trial.score > best.score) best = trial;
    }
  PlaneLattice& lattice = best.lattice;
  if (lattice.vectors < k_least || lattice.explained < 0.67 || best.score < 4) return std::nullopt;
  reduce(lattice.a, lattice.b);
  if (dot(lattice.a, lattice.b) < 0) lattice.b = {-lattice.b[0], -lattice.b[1]};
  return lattice;
}

}  // namespace bragglive
