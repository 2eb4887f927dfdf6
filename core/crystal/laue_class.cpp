#include "core/crystal/laue_class.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace bragglive {
namespace {

using Matrix = Eigen::Matrix3d;
using Vector = Eigen::Vector3d;

Vector at_azimuth(double degrees) {
  const double phi = degrees * std::numbers::pi / 180;
  return {std::cos(phi), std::sin(phi), 0};
}

Matrix turn(double degrees, const Vector& axis) {
  return Eigen::AngleAxisd(degrees * std::numbers::pi / 180, axis.normalized()).toRotationMatrix();
}

// Everything that the generators produce together.
std::vector<Matrix> closure(std::vector<Matrix> generators) {
  std::vector<Matrix> all = {Matrix::Identity()};
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const Matrix& generator : generators) {
      const Matrix next = generator * all[i];
      const bool known =
          std::any_of(all.begin(), all.end(), [&](const Matrix& m) { return (m - next).norm() < 1e-6; });
      if (!known) all.push_back(next);
    }
  return all;
}

std::vector<Matrix> make_operations(LaueClass laue) {
  const Vector x = Vector::UnitX(), y = Vector::UnitY(), z = Vector::UnitZ(), diagonal(1, 1, 1);
  std::vector<Matrix> g = {-Matrix::Identity()};
  switch (laue) {
    case LaueClass::triclinic:
      break;
    case LaueClass::monoclinic:
      g.push_back(turn(180, y));
      break;
    case LaueClass::orthorhombic:
      g.insert(g.end(), {turn(180, x), turn(180, y)});
      break;
    case LaueClass::tetragonal_low:
      g.push_back(turn(90, z));
      break;
    case LaueClass::tetragonal_high:
      g.insert(g.end(), {turn(90, z), turn(180, x)});
      break;
    case LaueClass::trigonal_low:
      g.push_back(turn(120, z));
      break;
    case LaueClass::trigonal_m1:
      g.insert(g.end(), {turn(120, z), turn(180, x)});
      break;
    case LaueClass::trigonal_1m:
      g.insert(g.end(), {turn(120, z), turn(180, at_azimuth(30))});
      break;
    case LaueClass::hexagonal_low:
      g.push_back(turn(60, z));
      break;
    case LaueClass::hexagonal_high:
      g.insert(g.end(), {turn(60, z), turn(180, x)});
      break;
    case LaueClass::cubic_low:
      g.insert(g.end(), {turn(180, z), turn(120, diagonal)});
      break;
    case LaueClass::cubic_high:
      g.insert(g.end(), {turn(90, z), turn(120, diagonal)});
      break;
  }
  return closure(std::move(g));
}

// Upper hemisphere between two azimuths less than 180° apart.
Sector wedge(double from, double to) {
  const Vector z = Vector::UnitZ(), first = at_azimuth(from), last = at_azimuth(to);
  return {{z, z.cross(first), last.cross(z)}, {z, first, last}};
}

Sector make_sector(LaueClass laue) {
  const Vector x = Vector::UnitX(), y = Vector::UnitY(), z = Vector::UnitZ();
  switch (laue) {
    case LaueClass::triclinic:
      return {{z}, {z, x, y, -x, -y}};
    case LaueClass::monoclinic:
      return {{y, z}, {z, y, x, -x}};
    case LaueClass::orthorhombic:
    case LaueClass::tetragonal_low:
      return wedge(0, 90);
    case LaueClass::tetragonal_high:
      return wedge(0, 45);
    case LaueClass::trigonal_low:
      return wedge(0, 120);
    case LaueClass::trigonal_m1:
      return wedge(30, 90);  // mirrors normal to a stand at 30°, 90°, …
    case LaueClass::trigonal_1m:
    case LaueClass::hexagonal_low:
      return wedge(0, 60);
    case LaueClass::hexagonal_high:
      return wedge(0, 30);
    case LaueClass::cubic_low: {
      // z is the largest coordinate of the positive octant.
      const Vector corner = Vector(1, 1, 1).normalized();
      return {{x, y, z - x, z - y}, {z, Vector(1, 0, 1).normalized(), corner, Vector(0, 1, 1).normalized()}};
    }
    case LaueClass::cubic_high:
      return {{x, y - x, z - y}, {z, Vector(0, 1, 1).normalized(), Vector(1, 1, 1).normalized()}};
  }
  return {};
}

// Made once, before any thread asks.
struct Tables {
  std::array<std::vector<Matrix>, k_laue_classes> operations;
  std::array<Sector, k_laue_classes> sectors;
  Tables() {
    for (int i = 0; i < k_laue_classes; ++i) {
      operations[std::size_t(i)] = make_operations(static_cast<LaueClass>(i));
      sectors[std::size_t(i)] = make_sector(static_cast<LaueClass>(i));
    }
  }
};

const Tables& tables() {
  static const Tables all;
  return all;
}

}  // namespace

std::string_view name_of(LaueClass laue) {
  constexpr std::array<std::string_view, k_laue_classes> names = {
      "-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m1", "-31m", "6/m", "6/mmm", "m-3", "m-3m"};
  return names[static_cast<std::size_t>(laue)];
}

LaueClass laue_class_of_space_group(int n) {
  if (n <= 2 || n > 230) return LaueClass::triclinic;
  if (n <= 15) return LaueClass::monoclinic;
  if (n <= 74) return LaueClass::orthorhombic;
  if (n <= 88) return LaueClass::tetragonal_low;
  if (n <= 142) return LaueClass::tetragonal_high;
  if (n <= 148) return LaueClass::trigonal_low;
  if (n <= 167) {
    // P312, P3112, P3212, P31m, P31c, P-31m, P-31c
    for (const int m : {149, 151, 153, 157, 159, 162, 163})
      if (n == m) return LaueClass::trigonal_1m;
    return LaueClass::trigonal_m1;
  }
  if (n <= 176) return LaueClass::hexagonal_low;
  if (n <= 194) return LaueClass::hexagonal_high;
  if (n <= 206) return LaueClass::cubic_low;
  return LaueClass::cubic_high;
}

std::span<const Matrix> operations_of(LaueClass laue) {
  return tables().operations[static_cast<std::size_t>(laue)];
}

const Sector& sector_of(LaueClass laue) {
  return tables().sectors[static_cast<std::size_t>(laue)];
}

bool inside(const Sector& sector, const Vector& direction, double tolerance) {
  return std::all_of(sector.normals.begin(), sector.normals.end(),
                     [&](const Vector& n) { return n.dot(direction) >= -tolerance; });
}

Vector into_sector(LaueClass laue, const Vector& direction) {
  const Vector unit = direction.normalized();
  const Sector& sector = sector_of(laue);
  Vector best = unit;
  double deepest = -2;
  for (const Matrix& operation : operations_of(laue)) {
    const Vector image = operation * unit;
    double depth = 2;
    for (const Vector& n : sector.normals) depth = std::min(depth, n.dot(image));
    // On the border several images qualify up to rounding: the deepest is as good as any.
    if (depth > deepest + 1e-12) {
      deepest = depth;
      best = image;
    }
  }
  return best;
}

double symmetric_angle(LaueClass laue, const Vector& p, const Vector& q) {
  double closest = -1;
  for (const Matrix& operation : operations_of(laue)) closest = std::max(closest, p.dot(operation * q));
  return std::acos(std::min(1.0, closest));
}

}  // namespace bragglive
