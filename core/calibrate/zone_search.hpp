// Which zone axes of a known crystal the plane lattices of a scan are, and the pixel size and ellipse that
// say so.
#pragma once
#include <Eigen/Core>
#include <array>
#include <optional>
#include <vector>

#include "core/calibrate/pixel_size.hpp"
#include "core/calibrate/plane_lattice.hpp"

namespace bragglive {

namespace detail {

// Of a basis: a·a, b·b, a·b; of a symmetric matrix S: S_rr, S_cc, S_rc.
using Metric = Eigen::Vector3d;

// S = pixel size^2 x (ellipse): v'Sv is the squared length of v px in 1/Å.
struct ScaleShape {
  double size = 0, ratio = 1, angle_deg = 0;  // as in Calibration
};
std::optional<ScaleShape> shape_of(const Metric& s);  // nothing: not positive definite

struct ZoneMatch {
  static constexpr double k_worst = 15;
  double cost = k_worst;         // about a chi-squared / 2; k_worst: no zone of the crystal
  Metric zone = Metric::Zero();  // its reflections, in the basis that corresponds to the lattice's
};

// Tries every S that makes one of the lattices a zone exactly and keeps the one by which most lattices are
// low-index zones and the ellipse is nearly round.
class ZoneSearch {
 public:
  ZoneSearch(const std::vector<PlaneLattice>& planes, const std::vector<KnownReflection>& reflections,
             double low, double high, bool find_ellipse);

  bool found() const { return best_.size > 0; }
  ZoneMatch match(const PlaneLattice& plane) const;  // by the best S
  double other_size() const;                         // another pixel size that is nearly as good; 0 = none
  std::size_t lattices() const;                      // distinct ones that are zones

 private:
  struct Lattice {
    PlaneLattice plane;
    double frames = 0;
  };
  struct ZoneBasis {
    Metric metric;
    double cost = 0;
  };
  struct Hypothesis {
    Metric s = Metric::Zero();
    double size = 0, cost = 1e300;
  };
  static std::vector<Lattice> distinct(const std::vector<PlaneLattice>& planes);
  ZoneMatch best_zone(const Eigen::Matrix3d& rows, const Metric& s) const;
  void consider(Metric s);

  std::vector<Lattice> lattices_;
  std::vector<Eigen::Matrix3d> rows_;
  std::vector<ZoneBasis> bases_;
  double low_, high_;
  bool find_ellipse_;
  Hypothesis best_, other_;
};

}  // namespace detail
}  // namespace bragglive
