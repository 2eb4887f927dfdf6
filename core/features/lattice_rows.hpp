// Planes and direct rows of a lattice: the shortest basis, nets, and which rows stand nearly upright on which
// low planes.
#pragma once
#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <cstdint>

namespace bragglive::indexing {

// Makes a basis, its columns, the shortest one (Buerger); returns T with new = old T.
Eigen::Matrix3d reduce_basis(Eigen::Matrix3d& b);

// The direct row along which two planes meet, without a common divisor, its first number positive.
Eigen::Vector3i meet(const Eigen::Vector3i& a, const Eigen::Vector3i& b);

// `direct`: the metric tensor of the direct lattice, Å².
double length_of(const Eigen::Matrix3d& direct, const Eigen::Vector3i& row);

// The two shortest rows in the plane h, a <= c, Å, and |cos| of the angle between them.
struct Net {
  double a, c, cosine;
};
Net net_of(const Eigen::Matrix3d& direct, const Eigen::Vector3i& h);

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

// The rows nearest to the planes' normals, all planes side by side, which a compiler turns into vectors.
struct NearRows {
  static constexpr std::size_t k_planes = k_low_planes.size();
  using Lane = std::array<float, k_planes>;
  std::array<Lane, 3> u;
  Lane product;                             // of row and plane
  std::array<std::int32_t, k_planes> near;  // 1: the product is 1 or 2 and the angle small

  Eigen::Vector3i row(std::size_t p) const { return Eigen::Vector3f(u[0][p], u[1][p], u[2][p]).cast<int>(); }

  // `g`, `direct`: metric tensors of the reciprocal and of the direct lattice. `multiple`: of the plane's
  // normal in the direct frame, its largest component being 1, that is rounded to a row.
  void find(const Eigen::Matrix3f& g, const Eigen::Matrix3f& direct, float multiple);
};

}  // namespace bragglive::indexing
