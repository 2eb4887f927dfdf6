#include "core/features/lattice_rows.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/features/nearest_whole.hpp"

namespace bragglive::indexing {
namespace {

using Eigen::Matrix3d;
using Eigen::Matrix3f;
using Eigen::Vector3d;
using Eigen::Vector3i;

constexpr float k_cosine2 = 0.933F;  // of 15 degrees between row and plane normal: the heights are uncertain

// Two direct rows that span the net of the plane h.
std::array<Vector3d, 2> rows_across(const Vector3i& h) {
  if (h[0] == 0 && h[1] == 0) return {Vector3d::UnitX(), Vector3d::UnitY()};
  // s h0 + t h1 = their greatest common divisor, by Euclid
  int r0 = h[0], r1 = h[1], s0 = 1, s1 = 0, t0 = 0, t1 = 1;
  while (r1 != 0) {
    const int q = r0 / r1;
    r0 = std::exchange(r1, r0 - q * r1), s0 = std::exchange(s1, s0 - q * s1),
    t0 = std::exchange(t1, t0 - q * t1);
  }
  return {Vector3i(h[1] / r0, -h[0] / r0, 0).cast<double>(),
          Vector3i(-s0 * h[2], -t0 * h[2], r0).cast<double>()};
}

}  // namespace

Matrix3d reduce_basis(Matrix3d& b) {
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

// Gauss reduction.
Net net_of(const Matrix3d& direct, const Vector3i& h) {
  auto [u, v] = rows_across(h);
  double uu = u.dot(direct * u), vv = v.dot(direct * v), uv = u.dot(direct * v);
  for (int step = 0; step < 20; ++step) {
    if (vv < uu) std::swap(uu, vv);
    const double m = std::nearbyint(uv / uu);
    if (m == 0) break;
    vv += m * m * uu - 2 * m * uv, uv -= m * uu;
  }
  Net out{std::sqrt(uu), std::sqrt(vv), 0};
  out.cosine = std::abs(uv) / (out.a * out.c);
  return out;
}

void NearRows::find(const Matrix3f& g, const Matrix3f& direct, float multiple) {
  static constexpr auto k_plane = [] {
    std::array<Lane, 3> out{};
    for (std::size_t p = 0; p < k_planes; ++p)
      for (std::size_t i = 0; i < 3; ++i) out[i][p] = static_cast<float>(k_low_planes[p][i]);
    return out;
  }();
  const float g0 = g(0, 0), g1 = g(1, 1), g2 = g(2, 2), g01 = g(0, 1), g02 = g(0, 2), g12 = g(1, 2);
  const float d0 = direct(0, 0), d1 = direct(1, 1), d2 = direct(2, 2), d01 = direct(0, 1), d02 = direct(0, 2),
              d12 = direct(1, 2);
  for (std::size_t p = 0; p < k_planes; ++p) {
    const float h = k_plane[0][p], k = k_plane[1][p], l = k_plane[2][p];
    const float n0 = g0 * h + g01 * k + g02 * l, n1 = g01 * h + g1 * k + g12 * l,
                n2 = g02 * h + g12 * k + g2 * l;
    const float a0 = std::abs(n0), a1 = std::abs(n1), a2 = std::abs(n2), a01 = a0 > a1 ? a0 : a1;
    const float scale = multiple / (a01 > a2 ? a01 : a2), square = h * n0 + k * n1 + l * n2;
    const float u0 = nearest_whole(n0 * scale), u1 = nearest_whole(n1 * scale),
                u2 = nearest_whole(n2 * scale);
    const float uh = u0 * h + u1 * k + u2 * l;
    const float length2 =
        d0 * u0 * u0 + d1 * u1 * u1 + d2 * u2 * u2 + 2 * (d01 * u0 * u1 + d02 * u0 * u2 + d12 * u1 * u2);
    u[0][p] = u0, u[1][p] = u1, u[2][p] = u2, product[p] = uh;
    near[p] = ((uh == 1) | (uh == 2)) & (uh * uh >= k_cosine2 * square * length2) ? 1 : 0;
  }
}

}  // namespace bragglive::indexing
