// Laue classes: the symmetry of directions in a crystal.
#pragma once
#include <Eigen/Core>
#include <span>
#include <string_view>
#include <vector>

namespace bragglive {

// With inversion. Frame: standard conventional cell with a along x, b in the xy plane (monoclinic: unique
// axis b; trigonal: hexagonal axes). Trigonal -3m comes in two positions of its mirrors: normal to a (P-3m1,
// R-3m) or to 2a+b (P-31m).
enum class LaueClass {
  triclinic,
  monoclinic,
  orthorhombic,
  tetragonal_low,
  tetragonal_high,
  trigonal_low,
  trigonal_m1,
  trigonal_1m,
  hexagonal_low,
  hexagonal_high,
  cubic_low,
  cubic_high
};
constexpr int k_laue_classes = 12;

std::string_view name_of(LaueClass laue);  // "-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m1", "-31m", "6/m",
                                           // "6/mmm", "m-3", "m-3m"

// Space-group number 1..230; anything else counts as triclinic.
LaueClass laue_class_of_space_group(int number);

// All rotations and rotoinversions (Cartesian), the identity first.
std::span<const Eigen::Matrix3d> operations_of(LaueClass laue);

// The fundamental sector: directions v with n·v >= 0 for all inward normals; its corners as unit vectors.
struct Sector {
  std::vector<Eigen::Vector3d> normals;
  std::vector<Eigen::Vector3d> corners;
};
const Sector& sector_of(LaueClass laue);
bool inside(const Sector& sector, const Eigen::Vector3d& direction, double tolerance = 1e-9);

// The image of a direction that lies in the sector (unit).
Eigen::Vector3d into_sector(LaueClass laue, const Eigen::Vector3d& direction);

// Smallest angle (rad) between images of two directions.
double symmetric_angle(LaueClass laue, const Eigen::Vector3d& p, const Eigen::Vector3d& q);

}  // namespace bragglive
