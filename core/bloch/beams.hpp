// Which reflections are beams of a pattern, and where they lie.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "core/bloch/electron.hpp"
#include "core/crystal/crystal.hpp"

namespace bragglive {

struct Beam {
  std::int16_t h = 0, k = 0, l = 0;
  double qx = 0, qy = 0;        // 1/Å on the detector: q = g·x, g·y
  double excitation_error = 0;  // s, 1/Å
};

// Where the beam goes. Columns of `axes`: detector x, detector y, zone axis (unit vectors in the crystal's
// Cartesian frame). The zone axis points against the beam: k_in = -k0 z. `foil_normal`: same frame, same side
// as the zone axis.
struct Orientation {
  Eigen::Matrix3d axes = Eigen::Matrix3d::Identity();
  Eigen::Vector3d foil_normal = Eigen::Vector3d::UnitZ();
};

// Cartesian direction of u a + v b + w c (unit). Fails for 0 0 0.
Expected<Eigen::Vector3d> zone_direction(const CellParameters& cell, const Eigen::Vector3d& uvw);

// z along `zone`; x is [0,0,-1] made perpendicular to z (for z along c: [0,1,0] × z); y = z × x; foil normal
// = z. Fails for a zone of zero length.
Expected<Orientation> orientation_along(const Eigen::Vector3d& zone);

// Refuses axes that are no right- or left-handed orthonormal frame (tolerance 1e-3, then made exact) and a
// foil normal more than 80° off the zone axis.
Expected<Orientation> make_orientation(const Eigen::Matrix3d& axes, const Eigen::Vector3d& foil_normal);

// All reflections of a crystal with |g| <= k_max, in rising order of h, k, l.
class ReflectionList {
 public:
  ReflectionList(const Crystal& crystal, double k_max);

  // Reflections with |s| <= sg_max, s = (2 g·z - λg²)/(2 n·z - 2λ g·n), in list order; `coupled` gets the
  // positions (in `beams`) of those that the crystal's centring does not forbid. Returns the position of the
  // direct beam in `coupled`.
  std::size_t select(const Orientation& orientation, const Electron& electron, double sg_max,
                     std::vector<Beam>& beams, std::vector<std::uint32_t>& coupled) const;

  std::size_t size() const { return h_.size(); }
  static double bytes_needed(const CellParameters& cell, double k_max);

 private:
  std::vector<std::int16_t> h_, k_, l_;
  std::vector<double> x_, y_, z_;
  std::vector<std::uint8_t> allowed_;
};

}  // namespace bragglive
