#include "core/bloch/beams.hpp"

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>

#include "core/crystal/symmetry.hpp"

namespace bragglive {

Expected<Eigen::Vector3d> zone_direction(const CellParameters& cell, const Eigen::Vector3d& uvw) {
  const Eigen::Vector3d direction = lattice_rows(cell).transpose() * uvw;
  if (!uvw.allFinite() || !(direction.norm() > 1e-12))
    return fail(ErrorArea::usage,
                "the zone axis {},{},{} has no direction; give three numbers that are not all zero", uvw[0],
                uvw[1], uvw[2]);
  return Eigen::Vector3d(direction.normalized());
}

Expected<Orientation> orientation_along(const Eigen::Vector3d& zone) {
  if (!zone.allFinite() || !(zone.norm() > 1e-12))
    return fail(ErrorArea::usage, "the zone axis has no direction; give a vector that is not zero");
  Orientation orientation;
  const Eigen::Vector3d z = zone.normalized();
  Eigen::Vector3d x(0, 0, -1);
  if (std::abs(z[2]) > 1 - 1e-12) x = Eigen::Vector3d(0, 1, 0).cross(z);
  x = (x - x.dot(z) * z).normalized();
  orientation.axes << x, z.cross(x), z;
  orientation.foil_normal = z;
  return orientation;
}

Expected<Orientation> make_orientation(const Eigen::Matrix3d& axes, const Eigen::Vector3d& foil_normal) {
  if (!axes.allFinite() || (axes.transpose() * axes - Eigen::Matrix3d::Identity()).norm() > 1e-3)
    return fail(ErrorArea::usage,
                "the orientation is no rotation matrix: its columns must be unit vectors at right angles");
  Orientation orientation;
  orientation.axes.col(2) = axes.col(2).normalized();
  const Eigen::Vector3d z = orientation.axes.col(2);
  orientation.axes.col(0) = (axes.col(0) - axes.col(0).dot(z) * z).normalized();
  const double handed = axes.determinant() < 0 ? -1 : 1;
  orientation.axes.col(1) = handed * z.cross(Eigen::Vector3d(orientation.axes.col(0)));
  if (!foil_normal.allFinite() || !(foil_normal.norm() > 1e-12))
    return fail(ErrorArea::usage, "the foil normal has no direction; give a vector that is not zero");
  orientation.foil_normal = foil_normal.normalized();
  if (orientation.foil_normal.dot(z) < 0.1736)
    return fail(ErrorArea::usage,
                "the foil normal is more than 80° off the zone axis; it must point to the same side (against "
                "the beam)");
  return orientation;
}

double ReflectionList::bytes_needed(const CellParameters& cell, double k_max) {
  return 4.19 * k_max * k_max * k_max * cell_volume(cell) * 31;
}

ReflectionList::ReflectionList(const Crystal& crystal, double k_max) {
  const Eigen::Matrix3d rows = lattice_rows(crystal.cell);
  const Eigen::Matrix3d reciprocal = reciprocal_rows(crystal.cell);
  const std::vector<Eigen::Vector3d> centring = centring_translations(crystal);
  const auto side = [&](int i) { return static_cast<int>(std::floor(rows.row(i).norm() * k_max + 1e-9)); };
  const int h_max = side(0), k_top = side(1), l_max = side(2);
  const auto expected =
      static_cast<std::size_t>(4.3 * k_max * k_max * k_max * cell_volume(crystal.cell)) + 64;
  for (auto* v : {&h_, &k_, &l_}) v->reserve(expected);
  for (auto* v : {&x_, &y_, &z_}) v->reserve(expected);
  allowed_.reserve(expected);
  const Eigen::Vector3d along = reciprocal.row(2);
  for (int h = -h_max; h <= h_max; ++h)
    for (int k = -k_top; k <= k_top; ++k) {
      const Eigen::Vector3d base = reciprocal.transpose() * Eigen::Vector3d(h, k, 0);
      // The sphere cuts the line base + l c* in an interval of l, or misses it.
      const double middle = -base.dot(along) / along.squaredNorm();
      const double closest2 = (base + middle * along).squaredNorm();
      if (closest2 > k_max * k_max) continue;
      const double reach = std::sqrt((k_max * k_max - closest2) / along.squaredNorm()) + 1e-9;
      const int first = std::max(-l_max, static_cast<int>(std::ceil(middle - reach)));
      const int last = std::min(l_max, static_cast<int>(std::floor(middle + reach)));
      for (int l = first; l <= last; ++l) {
        const Eigen::Vector3d g = base + l * along;
        if (g.squaredNorm() > k_max * k_max) continue;
        h_.push_back(static_cast<std::int16_t>(h));
        k_.push_back(static_cast<std::int16_t>(k));
        l_.push_back(static_cast<std::int16_t>(l));
        x_.push_back(g[0]);
        y_.push_back(g[1]);
        z_.push_back(g[2]);
        allowed_.push_back(std::all_of(centring.begin(), centring.end(), [&](const Eigen::Vector3d& t) {
          const double turns = h * t[0] + k * t[1] + l * t[2];
          return std::abs(turns - std::nearbyint(turns)) < 1e-3;
        }));
      }
    }
}

std::size_t ReflectionList::select(const Orientation& orientation, const Electron& electron, double sg_max,
                                   std::vector<Beam>& beams, std::vector<std::uint32_t>& coupled) const {
  beams.clear();
  coupled.clear();
  const Eigen::Vector3d x = orientation.axes.col(0), y = orientation.axes.col(1), z = orientation.axes.col(2);
  const Eigen::Vector3d n = orientation.foil_normal;
  const double lambda = electron.wavelength, nz = n.dot(z);
  std::size_t direct = 0;
  for (std::size_t i = 0; i < h_.size(); ++i) {
    const double gx = x_[i], gy = y_[i], gz = z_[i];
    const double along = gx * z[0] + gy * z[1] + gz * z[2];
    const double g2 = gx * gx + gy * gy + gz * gz;
    const double numerator = 2 * along - lambda * g2;
    const double denominator = 2 * nz - 2 * lambda * (gx * n[0] + gy * n[1] + gz * n[2]);
    if (!(std::abs(numerator) <= sg_max * std::abs(denominator))) continue;
    if (allowed_[i]) {
      if (h_[i] == 0 && k_[i] == 0 && l_[i] == 0) direct = coupled.size();
      coupled.push_back(static_cast<std::uint32_t>(beams.size()));
    }
    beams.push_back({h_[i], k_[i], l_[i], gx * x[0] + gy * x[1] + gz * x[2],
                     gx * y[0] + gy * y[1] + gz * y[2], numerator / denominator});
  }
  return direct;
}

}  // namespace bragglive
