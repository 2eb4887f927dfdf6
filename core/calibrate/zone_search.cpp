#include "core/calibrate/zone_search.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numbers>

namespace bragglive::detail {
namespace {

constexpr double k_most_ratio = 1.12;     // of an ellipse that is thought of
constexpr double k_usual_ratio = 0.03;    // standard deviation of its logarithm among microscopes
constexpr double k_clear = 1.5;           // a worse cost that settles which pixel size it is
constexpr double k_lattice_error = 0.01;  // relative, of a measured lattice's metric

struct Zone {
  Metric metric;
  double cost = 0;  // of an unlikely zone: 2 ln (area of its cell / the smallest)
};

Metric metric_of(const PlaneLattice& lattice) {
  const auto& [a, b] = std::pair{lattice.a, lattice.b};
  return {a[0] * a[0] + a[1] * a[1], b[0] * b[0] + b[1] * b[1], a[0] * b[0] + a[1] * b[1]};
}

double area2(const Metric& m) {
  return m[0] * m[1] - m[2] * m[2];
}

// The zones whose cells are smallest: reduced, primitive pairs of reflections.
std::vector<Zone> zones_of(const std::vector<KnownReflection>& reflections) {
  constexpr std::size_t k_reflections = 90;
  constexpr std::size_t k_zones = 40;
  std::vector<Eigen::Vector3d> g;
  for (const KnownReflection& reflection : reflections)
    g.emplace_back(reflection.g[0], reflection.g[1], reflection.g[2]);
  std::sort(g.begin(), g.end(),
            [](const auto& x, const auto& y) { return x.squaredNorm() < y.squaredNorm(); });
  const std::size_t n = std::min(g.size(), k_reflections);
  std::vector<Zone> zones;
  for (std::size_t j = 1; j < n; ++j)
    for (std::size_t i = 0; i < j; ++i) {
      const double ab = g[i].dot(g[j]);
      if (ab < -1e-9 || 2 * ab > g[i].squaredNorm() * (1 + 1e-9)) continue;
      const Metric metric(g[i].squaredNorm(), g[j].squaredNorm(), ab);
      if (area2(metric) < 1e-6 * metric[0] * metric[1]) continue;
      const bool known = std::any_of(zones.begin(), zones.end(), [&](const Zone& zone) {
        return (zone.metric - metric).norm() < 1e-4 * metric.norm();
      });
      if (known) continue;
      // Half of the cell's diagonal or sides on a reflection: the pair skips reflections.
      const bool primitive =
          std::none_of(g.begin(), g.begin() + static_cast<std::ptrdiff_t>(n), [&](const auto& x) {
            const double xa = x.dot(g[i]);
            const double xb = x.dot(g[j]);
            const double h = (xa * metric[1] - xb * ab) / area2(metric);
            const double k = (xb * metric[0] - xa * ab) / area2(metric);
            if ((h * g[i] + k * g[j] - x).norm() > 1e-3 * x.norm()) return false;
            return std::abs(h - std::round(h)) > 0.05 || std::abs(k - std::round(k)) > 0.05;
          });
      if (primitive) zones.push_back({metric, 0});
    }
  std::sort(zones.begin(), zones.end(),
            [](const Zone& x, const Zone& y) { return area2(x.metric) < area2(y.metric); });
  if (zones.size() > k_zones) zones.resize(k_zones);
  for (Zone& zone : zones) zone.cost = std::log(area2(zone.metric) / area2(zones.front().metric));
  return zones;
}

// The same lattice in the other bases of short vectors.
std::vector<Metric> bases_of(const Metric& m) {
  std::vector<Metric> bases;
  for (int p = -1; p <= 1; ++p)
    for (int q = -1; q <= 1; ++q)
      for (int r = -1; r <= 1; ++r)
        for (int s = -1; s <= 1; ++s) {
          if (std::abs(p * s - q * r) != 1) continue;
          const Metric basis(p * p * m[0] + q * q * m[1] + 2 * p * q * m[2],
                             r * r * m[0] + s * s * m[1] + 2 * r * s * m[2],
                             p * r * m[0] + q * s * m[1] + (p * s + q * r) * m[2]);
          const bool known = std::any_of(bases.begin(), bases.end(), [&](const Metric& other) {
            return (other - basis).norm() < 1e-6 * basis.norm();
          });
          if (!known) bases.push_back(basis);
        }
  return bases;
}

Eigen::Matrix3d rows_of(const PlaneLattice& lattice) {
  const auto& a = lattice.a;
  const auto& b = lattice.b;
  Eigen::Matrix3d rows;
  rows << a[0] * a[0], a[1] * a[1], 2 * a[0] * a[1],  //
      b[0] * b[0], b[1] * b[1], 2 * b[0] * b[1],      //
      a[0] * b[0], a[1] * b[1], a[0] * b[1] + a[1] * b[0];
  return rows;
}

}  // namespace

std::optional<ScaleShape> shape_of(const Metric& s) {
  const double mean = (s[0] + s[1]) / 2;
  const double apart = std::hypot((s[0] - s[1]) / 2, s[2]);
  if (!(mean > apart)) return std::nullopt;
  ScaleShape shape;
  shape.size = std::pow(mean * mean - apart * apart, 0.25);
  shape.ratio = std::sqrt((mean + apart) / (mean - apart));
  // The long axis is where S is smallest.
  shape.angle_deg = std::atan2(-2 * s[2], s[1] - s[0]) / 2 * 180 / std::numbers::pi;
  return shape;
}

// Lattices within 2.5 % of each other are one.
std::vector<ZoneSearch::Lattice> ZoneSearch::distinct(const std::vector<PlaneLattice>& planes) {
  constexpr std::size_t k_most = 12;
  std::vector<Lattice> lattices;
  for (const PlaneLattice& plane : planes) {
    const Metric m = metric_of(plane);
    const auto same = [&](const Lattice& lattice) {
      const auto& [row, col] = lattice.plane.a;
      const double turn = std::min(std::hypot(plane.a[0] - row, plane.a[1] - col),
                                   std::hypot(plane.a[0] + row, plane.a[1] + col));
      return turn < 0.1 * std::sqrt(m[0]) && (metric_of(lattice.plane) - m).norm() < 0.025 * m.norm();
    };
    const auto found = std::find_if(lattices.begin(), lattices.end(), same);
    if (found == lattices.end())
      lattices.push_back({plane, 1});
    else
      found->frames += 1;
  }
  std::sort(lattices.begin(), lattices.end(),
            [](const Lattice& x, const Lattice& y) { return x.frames > y.frames; });
  if (lattices.size() > k_most) lattices.resize(k_most);
  return lattices;
}

ZoneSearch::ZoneSearch(const std::vector<PlaneLattice>& planes,
                       const std::vector<KnownReflection>& reflections, double low, double high,
                       bool find_ellipse)
    : lattices_(distinct(planes)), low_(low), high_(high), find_ellipse_(find_ellipse) {
  for (const Zone& zone : zones_of(reflections))
    for (const Metric& metric : bases_of(zone.metric)) bases_.push_back({metric, zone.cost});
  for (const Lattice& lattice : lattices_) rows_.push_back(rows_of(lattice.plane));
  for (const Eigen::Matrix3d& rows : rows_) {
    const Eigen::Matrix3d inverse = rows.inverse();
    for (const ZoneBasis& basis : bases_) consider(inverse * basis.metric);
  }
}

ZoneMatch ZoneSearch::best_zone(const Eigen::Matrix3d& rows, const Metric& s) const {
  const Metric seen = rows * s;
  ZoneMatch match;
  for (const ZoneBasis& basis : bases_) {
    const double x = seen[0] / basis.metric[0] - 1;
    const double y = seen[1] / basis.metric[1] - 1;
    const double z = (seen[2] - basis.metric[2]) / std::sqrt(basis.metric[0] * basis.metric[1]);
    const double cost = (x * x + y * y + 2 * z * z) / (2 * k_lattice_error * k_lattice_error) + basis.cost;
    if (cost < match.cost) match = {cost, basis.metric};
  }
  return match;
}

ZoneMatch ZoneSearch::match(const PlaneLattice& plane) const {
  return best_zone(rows_of(plane), best_.s);
}

double ZoneSearch::other_size() const {
  return other_.cost < best_.cost + k_clear ? other_.size : 0;
}

std::size_t ZoneSearch::lattices() const {
  return static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), [this](const auto& rows) {
    return best_zone(rows, best_.s).cost < ZoneMatch::k_worst;
  }));
}

void ZoneSearch::consider(Metric s) {
  const auto shape = shape_of(s);
  if (!shape || shape->ratio > k_most_ratio || shape->size < low_ || shape->size > high_) return;
  double cost = std::pow(std::log(shape->ratio) / k_usual_ratio, 2) / 2;
  if (!find_ellipse_) {
    cost = 0;
    s = {shape->size * shape->size, shape->size * shape->size, 0};
  }
  for (std::size_t i = 0; i < lattices_.size(); ++i) {
    // Frames of one grain repeat each other.
    const double weight = std::sqrt(std::min(lattices_[i].frames, 9.0));
    cost += weight * best_zone(rows_[i], s).cost;
    if (cost > best_.cost + 2 * k_clear) return;
  }
  const auto far = [&](const Hypothesis& hypothesis) {
    return std::abs(std::log(hypothesis.size / shape->size)) > 0.02;
  };
  if (cost < best_.cost) {
    if (best_.size > 0 && far(best_)) other_ = best_;
    best_ = {s, shape->size, cost};
    if (other_.size > 0 && !far(other_)) other_ = {};
  } else if (far(best_) && cost < other_.cost) {
    other_ = {s, shape->size, cost};
  }
}

}  // namespace bragglive::detail
