#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "core/features/index_lattice.hpp"
#include "core/features/index_symmetry.hpp"
#include "core/features/lattice_kernels.hpp"
#include "core/features/metric_fit.hpp"
#include "tests/catch.hpp"

using namespace bragglive;
using namespace bragglive::indexing;

namespace {

using Matrix = std::array<std::array<double, 3>, 3>;  // columns: reciprocal basis, 1/Å

struct Cell {
  double a, b, c, alpha, beta, gamma;  // Å, degrees
  bool body_centred = false, face_centred = false, r_centred = false;
};

Matrix reciprocal(const Cell& cell) {
  const double k = std::numbers::pi / 180;
  const double ca = std::cos(cell.alpha * k), cb = std::cos(cell.beta * k), cg = std::cos(cell.gamma * k),
               sg = std::sin(cell.gamma * k);
  const double cx = cb, cy = (ca - cb * cg) / sg, cz = std::sqrt(1 - cx * cx - cy * cy);
  // Direct basis as rows of an upper triangle; its inverse holds the reciprocal basis as columns.
  const double a = cell.a, bx = cell.b * cg, by = cell.b * sg;
  const std::array<double, 3> c{cell.c * cx, cell.c * cy, cell.c * cz};
  Matrix out{};
  out[0][0] = 1 / a;
  out[1][0] = -bx / (a * by);
  out[1][1] = 1 / by;
  out[2][0] = (bx * c[1] - by * c[0]) / (a * by * c[2]);
  out[2][1] = -c[1] / (by * c[2]);
  out[2][2] = 1 / c[2];
  return out;
}

bool absent(const Cell& cell, int h, int k, int l) {
  if (cell.body_centred) return (h + k + l) % 2 != 0;
  if (cell.face_centred) return (h + k) % 2 != 0 || (h + l) % 2 != 0;
  if (cell.r_centred) return (-h + k + l) % 3 != 0;
  return false;
}

// What a thin crystal in a random orientation shows: lattice points within 0.01 1/Å of the Ewald sphere, the
// brighter the nearer, positions off by `error` along each axis.
SpotList slice(const Cell& cell, std::mt19937& random, double error) {
  std::normal_distribution<double> normal;
  const Matrix basis = reciprocal(cell);
  std::array<double, 4> q{normal(random), normal(random), normal(random), normal(random)};
  const double n = std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  for (double& x : q) x /= n;
  const auto [w, x, y, z] = q;
  const Matrix turn{{{1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)},
                     {2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)},
                     {2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)}}};
  BraggList peaks{{0, 0, 1}};
  constexpr int k_most = 24;
  for (int h = -k_most; h <= k_most; ++h)
    for (int k = -k_most; k <= k_most; ++k)
      for (int l = -k_most; l <= k_most; ++l) {
        if ((h == 0 && k == 0 && l == 0) || absent(cell, h, k, l)) continue;
        std::array<double, 3> g{}, r{};
        for (std::size_t i = 0; i < 3; ++i) g[i] = basis[i][0] * h + basis[i][1] * k + basis[i][2] * l;
        if (g[0] * g[0] + g[1] * g[1] + g[2] * g[2] > 1.5 * 1.5) continue;
        for (std::size_t i = 0; i < 3; ++i) r[i] = turn[i][0] * g[0] + turn[i][1] * g[1] + turn[i][2] * g[2];
        const double s = r[2] - 0.0196875 * (r[0] * r[0] + r[1] * r[1]) / 2;
        if (std::abs(s) > 0.01) continue;
        const double falls = std::exp(-2 * std::hypot(r[0], r[1]) - std::pow(s / 0.006, 2));
        peaks.push_back({r[0] + error * normal(random), r[1] + error * normal(random), 0.1 * falls});
      }
  SpotList list;
  prepare_spots(peaks, {}, list);
  return list;
}

struct Found {
  int patterns = 0, lattices = 0, compatible = 0, lengths = 0;
};

// Of 60 orientations: lattices found, systems within χ² < 12, and a right within 1 %.
Found index_many(const Cell& cell, LatticeSystem system, double error, double a) {
  std::mt19937 random(17);
  Found found;
  while (found.patterns < 60) {
    const SpotList list = slice(cell, random, error);
    if (list.size < 8) continue;
    ++found.patterns;
    const LatticeFit fit = fit_lattice(list, 0.003);
    if (!fit.found()) continue;
    ++found.lattices;
    const SystemFit own = fit_symmetry(fit, 0.003).of(system);
    if (own.chi2 > 12) continue;
    ++found.compatible;
    found.lengths += std::abs(own.a - a) < 0.01 * a ? 1 : 0;
  }
  return found;
}

}  // namespace

TEST_CASE(
    "the lattice of a slice of reciprocal space is found, and its system, without knowing the orientation") {
  struct Case {
    const char* name;
    Cell cell;
    LatticeSystem system;
    double a;
  };
  const Case cases[] = {
      {"orthorhombic", {5.44, 7.64, 5.08, 90, 90, 90}, LatticeSystem::orthorhombic, 5.08},
      {"tetragonal body-centred",
       {4.6, 4.6, 10.2, 90, 90, 90, true, false, false},
       LatticeSystem::tetragonal,
       4.6},
      {"hexagonal", {5.03, 5.03, 8.21, 90, 90, 120}, LatticeSystem::hexagonal, 5.03},
      {"rhombohedral", {5.6, 5.6, 14.1, 90, 90, 120, false, false, true}, LatticeSystem::rhombohedral, 5.6},
      {"cubic", {8.1, 8.1, 8.1, 90, 90, 90}, LatticeSystem::cubic, 8.1},
      {"cubic face-centred", {10.4, 10.4, 10.4, 90, 90, 90, false, true, false}, LatticeSystem::cubic, 10.4},
  };
  for (const Case& one : cases)
    for (const double error : {0.0, 0.002}) {
      const Found found = index_many(one.cell, one.system, error, one.a);
      INFO(one.name << ", error " << error << ": " << found.lattices << " lattices, " << found.compatible
                    << " compatible, " << found.lengths << " lengths of " << found.patterns);
      CHECK(found.lattices >= 50);
      CHECK(found.compatible >= 42);
      // An orthorhombic lattice has other orthorhombic cells within the error of the volume.
      CHECK(found.lengths >= found.compatible * 6 / 10);
    }
}

TEST_CASE("a monoclinic lattice is not taken for an orthorhombic one") {
  std::mt19937 random(5);
  std::vector<double> monoclinic, orthorhombic;
  for (int trial = 0; trial < 60; ++trial) {
    const LatticeFit fit = fit_lattice(slice({5.9, 7.3, 6.8, 90, 107, 90}, random, 0.001), 0.003);
    if (!fit.found()) continue;
    const SymmetryFit symmetry = fit_symmetry(fit, 0.003);
    monoclinic.push_back(symmetry.of(LatticeSystem::monoclinic).chi2);
    orthorhombic.push_back(symmetry.of(LatticeSystem::orthorhombic).chi2);
  }
  REQUIRE(monoclinic.size() > 40);
  std::nth_element(monoclinic.begin(), monoclinic.begin() + 20, monoclinic.end());
  std::nth_element(orthorhombic.begin(), orthorhombic.begin() + 20, orthorhombic.end());
  CHECK(monoclinic[20] < 4);
  CHECK(orthorhombic[20] > 8 * monoclinic[20]);
}

TEST_CASE("spots in no order are explained worse than those of a lattice") {
  std::mt19937 random(9);
  std::uniform_real_distribution<double> q(-1.2, 1.2), intensity(0.001, 0.1);
  double ordered = 0, disordered = 0;
  for (int trial = 0; trial < 40; ++trial) {
    const SpotList list = slice({5.44, 7.64, 5.08, 90, 90, 90}, random, 0.001);
    BraggList peaks;
    while (peaks.size() < list.size) peaks.push_back({q(random), q(random), intensity(random)});
    SpotList other;
    prepare_spots(peaks, {}, other);
    const LatticeFit a = fit_lattice(list, 0.003), b = fit_lattice(other, 0.003);
    ordered += a.found() ? a.merit : 0, disordered += b.found() ? b.merit : 0;
  }
  CHECK(ordered > 2 * disordered);
}

TEST_CASE("spots of one plane lattice and lists of a few spots have no three-dimensional lattice") {
  BraggList plane;
  for (int h = -4; h <= 4; ++h)
    for (int k = -4; k <= 4; ++k)
      if (h != 0 || k != 0) plane.push_back({0.25 * h, 0.31 * k, 0.1 / (1 + h * h + k * k)});
  SpotList list;
  prepare_spots(plane, {}, list);
  CHECK_FALSE(fit_lattice(list, 0.003).found());
  prepare_spots(std::span(plane).first(4), {}, list);
  CHECK_FALSE(fit_lattice(list, 0.003).found());
  CHECK(fit_symmetry({}, 0.003).of(LatticeSystem::cubic).chi2 == k_incompatible);
}

TEST_CASE("plain and vector kernels of the lattice search give the same bits") {
  const LatticeKernels plain = lattice_kernels(InstructionSet::plain),
                       best = lattice_kernels(GENERATE(InstructionSet::avx2, InstructionSet::best));
  std::mt19937 random(2);
  std::uniform_real_distribution<float> q(-1.2F, 1.2F);
  float indexed = 0;
  for (int trial = 0; trial < 50; ++trial) {
    Points points;
    points.count = trial % 2 ? k_lattice_spots : 13;
    points.x.fill(k_far), points.y.fill(k_far), points.z.fill(0), points.q2.fill(k_far);
    for (std::size_t s = 0; s < points.count; ++s) {
      points.x[s] = q(random), points.y[s] = q(random);
      points.q2[s] = points.x[s] * points.x[s] + points.y[s] * points.y[s];
      points.z[s] = 0.01F * points.q2[s];
    }
    Trial triple{};
    triple.a = {0.21F, 0.02F, 0.001F}, triple.b = {-0.03F, 0.27F, 0.002F}, triple.c = {0.11F, 0.13F, 0.003F};
    const float area = cross(triple.a, triple.b);
    triple.cu = cross(triple.c, triple.b) / area, triple.cv = cross(triple.a, triple.c) / area;
    triple.gain = {5, 4, 3, 2, 1};
    triple.tolerance2 = 0.0002F;
    PlaneCoordinates one, two;
    plain.plane(points, triple, one), best.plane(points, triple, two);
    CHECK(one.u == two.u);
    FirstLayer first_one, first_two;
    plain.first_layer(points, one, triple, first_one), best.first_layer(points, two, triple, first_two);
    CHECK(first_one.gain == first_two.gain);
    CHECK(first_one.most == first_two.most);
    const float score = plain.all_layers(points, one, triple, first_one, -1e9F);
    CHECK(score == best.all_layers(points, two, triple, first_two, -1e9F));
    CHECK(score <= first_one.most[0]);
    // What cannot be enough is given up, and said to be no more than that.
    CHECK(plain.all_layers(points, one, triple, first_one, first_one.most[0] + 1) <= first_one.most[0]);
    const Basis basis{{0.21F, -0.03F, 0.11F}, {0.02F, 0.27F, 0.13F}, {0.001F, 0.002F, 0.003F}};
    // Few layers about each spot's height, then all of them.
    const Window window{0.0002F, trial % 3 ? 0.0004F : 0.01F, 1e5F, 1e4F, 4.0F, 8};
    const IndexSums a = plain.index(points, basis, window), b = best.index(points, basis, window);
    indexed += a.count;
    CHECK(a.count == b.count);
    CHECK(a.nn == b.nn);
    CHECK(a.gn == b.gn);
    CHECK(a.zz == b.zz);
    CHECK(a.dxy2 == b.dxy2);
    CHECK(a.dz2 == b.dz2);
  }
  CHECK(indexed > 50);
}

TEST_CASE("eight axes at a time: the nearest basis with the axis, at its distance, on every processor") {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> off(-0.01, 0.01);
  // Nearly cubic, so that its axes are near.
  Eigen::Matrix3d basis = 0.25 * Eigen::Matrix3d::Identity(), half;
  for (int i = 0; i < 9; ++i) basis(i / 3, i % 3) += off(random), half(i / 3, i % 3) = 20 * off(random);
  const Eigen::Matrix3d inverse_normal = half * half.transpose() + 0.1 * Eigen::Matrix3d::Identity();
  const MeasuredBasis measured = MetricFit(basis, inverse_normal, 0.02, 0.05).measured();
  const std::array<Eigen::Vector3i, AxisBatch::k_lanes> axes{
      {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {1, 0, 1}, {0, 1, 1}, {1, -1, 0}, {1, 0, -1}}};
  AxisBatch batch;
  for (const Eigen::Vector3i& axis : axes) batch.add(axis, axis);
  AxisBatch plain = batch, avx2 = batch;
  batch.solve(measured, basis);
  plain.solve(measured, basis, InstructionSet::plain), avx2.solve(measured, basis, InstructionSet::avx2);
  for (std::size_t k = 0; k < axes.size(); ++k) {
    CHECK(batch.chi2(k) == plain.chi2(k));
    CHECK(batch.chi2(k) == avx2.chi2(k));
    REQUIRE(batch.chi2(k) < k_hopeless);
    const Eigen::Matrix3d b = batch.basis(k), d = b - basis;
    CHECK(b == plain.basis(k));
    CHECK(b == avx2.basis(k));
    const Eigen::Vector3d h = axes[k].cast<double>(), u = h, g = b.transpose() * (b * h);
    const double broken = (basis.transpose() * (basis * h)).cross(u).norm();
    CHECK(g.cross(u).norm() < 0.05 * broken + 1e-12);
    const Eigen::Vector3d per(1 / measured.variance[0], 1 / measured.variance[1], 1 / measured.variance[2]);
    const double distance = (per.asDiagonal() * d * inverse_normal.inverse()).cwiseProduct(d).sum();
    CHECK(batch.chi2(k) == Approx(distance).epsilon(0.02));
  }
}

TEST_CASE("only layers near a spot's height are looked at, and none that could hold it is missed") {
  const LatticeKernels run = lattice_kernels();
  std::mt19937 random(9);
  std::uniform_int_distribution<int> whole(-3, 3);
  std::uniform_real_distribution<float> off(-0.001F, 0.001F);
  // Layers 0.11 1/Å apart: fewer are tried than the tolerance of nine would ask for.
  const Basis basis{{0.21F, -0.03F, 0.07F}, {0.02F, 0.27F, 0.05F}, {0.01F, -0.02F, 0.11F}};
  Points points;
  points.count = k_lattice_spots;
  std::array<float, 6> expected{};
  for (std::size_t s = 0; s < k_lattice_spots; ++s) {
    const std::array<int, 3> n{whole(random), whole(random), whole(random)};
    const auto at = [&](const std::array<float, 3>& b) {
      return b[0] * static_cast<float>(n[0]) + b[1] * static_cast<float>(n[1]) +
             b[2] * static_cast<float>(n[2]);
    };
    points.x[s] = at(basis.x) + off(random), points.y[s] = at(basis.y) + off(random);
    points.z[s] = at(basis.z) + 5 * off(random);
    points.q2[s] = 0.5F;
    std::size_t place = 0;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = i; j < 3; ++j) expected[place++] += static_cast<float>(n[i] * n[j]);
  }
  const Window window{0.00002F, 0.0004F, 1e5F, 1e4F, 4.0F, 8};
  const IndexSums sums = run.index(points, basis, window);
  CHECK(sums.count == static_cast<float>(k_lattice_spots));
  CHECK(sums.nn == expected);
}
