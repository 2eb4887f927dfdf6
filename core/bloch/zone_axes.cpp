#include "core/bloch/zone_axes.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>

namespace bragglive {
namespace {

using Vector = Eigen::Vector3d;

// Evenly spread points of the whole sphere, brought into the sector, with its edges.
std::vector<Vector> candidates(LaueClass laue, int count) {
  const int sphere = 60 * count * static_cast<int>(operations_of(laue).size());
  const int wanted = std::min(sphere, 24000);
  std::vector<Vector> points;
  const Sector& sector = sector_of(laue);
  const double golden = std::numbers::pi * (3 - std::sqrt(5.0));
  for (int i = 0; i < wanted; ++i) {
    const double z = 1 - (2 * i + 1.0) / wanted, r = std::sqrt(1 - z * z);
    points.push_back(into_sector(laue, {r * std::cos(golden * i), r * std::sin(golden * i), z}));
  }
  for (std::size_t a = 0; a < sector.corners.size(); ++a)
    for (std::size_t b = a + 1; b < sector.corners.size(); ++b)
      for (int i = 1; i < 90; ++i) {
        const Vector between = sector.corners[a] * (90 - i) + sector.corners[b] * i;
        if (between.norm() > 1e-6) points.push_back(into_sector(laue, between));
      }
  return points;
}

struct Wedge {
  std::array<Vector, 3> corners;
  int mirrors = 0;  // 1: also with -x, 2: then also with -y
};
struct Fibre {
  double polar = 90;     // 180: mirrored through the equator
  double azimuth = 180;  // centred on a; 180 and 360 by mirroring
};

Vector unit(double x, double y, double z) {
  return Vector(x, y, z).normalized();
}

std::optional<Wedge> wedge_of(std::string_view group) {
  const Vector x = Vector::UnitX(), y = Vector::UnitY(), z = Vector::UnitZ();
  const double h = std::sqrt(3.0) / 2;
  if (group == "m-3m") return Wedge{{z, unit(0, 1, 1), unit(1, 1, 1)}};
  if (group == "432" || group == "m-3" || group == "23") return Wedge{{z, x, unit(1, 1, 1)}};
  if (group == "-43m") return Wedge{{z, unit(1, -1, 1), unit(1, 1, 1)}};
  if (group == "4/mmm") return Wedge{{z, x, unit(1, 1, 0)}};
  if (group == "4/m" || group == "mmm") return Wedge{{z, x, y}};
  if (group == "6/mmm") return Wedge{{z, unit(h, 0.5, 0), x}};
  if (group == "6/m") return Wedge{{z, x, unit(0.5, h, 0)}};
  if (group == "-4" || group == "2/m") return Wedge{{z, y, x}, 1};
  if (group == "m" || group == "-1") return Wedge{{z, y, x}, 2};
  return std::nullopt;
}

std::optional<Fibre> fibre_of(std::string_view group) {
  struct Entry {
    std::string_view group;
    Fibre fibre;
  };
  constexpr std::array<Entry, 18> entries = {{{"422", {180, 45}},
                                              {"4mm", {180, 45}},
                                              {"-42m", {180, 45}},
                                              {"4", {90, 180}},
                                              {"622", {180, 30}},
                                              {"6mm", {180, 30}},
                                              {"6", {180, 60}},
                                              {"-6", {180, 60}},
                                              {"-6m2", {90, 60}},
                                              {"-3m", {90, 60}},
                                              {"32", {90, 60}},
                                              {"-3", {180, 60}},
                                              {"3m", {180, 60}},
                                              {"3", {180, 120}},
                                              {"222", {90, 180}},
                                              {"mm2", {180, 90}},
                                              {"2", {180, 180}},
                                              {"1", {180, 360}}}};
  for (const Entry& entry : entries)
    if (entry.group == group) return entry.fibre;
  return std::nullopt;
}

// The point at a fraction of the great arc from p to q.
Vector on_arc(const Vector& p, const Vector& q, double fraction) {
  const double angle = std::atan2(p.cross(q).norm(), p.dot(q));
  if (angle < 1e-12) return p;
  return (p * std::sin((1 - fraction) * angle) + q * std::sin(fraction * angle)) / std::sin(angle);
}

// Adds the mirror images of all points that do not lie on the mirror.
void mirror(std::vector<Vector>& points, int axis) {
  const std::size_t count = points.size();
  for (std::size_t i = 0; i < count; ++i) {
    Vector image = points[i];
    image[axis] = -image[axis];
    if (std::abs(image[axis]) > 1e-9) points.push_back(image);
  }
}

std::vector<Vector> fill(const Wedge& wedge, double step) {
  const auto& [u, v, w] = wedge.corners;
  const auto degrees = [](const Vector& p, const Vector& q) {
    return std::acos(std::clamp(p.dot(q), -1.0, 1.0)) * 180 / std::numbers::pi;
  };
  const int n = std::max(1, static_cast<int>(std::lround(std::max(degrees(u, v), degrees(u, w)) / step)));
  std::vector<Vector> points;
  for (int a = 0; a <= n; ++a)
    for (int b = 0; b <= a; ++b)
      points.push_back(on_arc(on_arc(u, v, double(a) / n), on_arc(u, w, double(a) / n), a ? double(b) / a : 0)
                           .normalized());
  for (int axis = 0; axis < wedge.mirrors; ++axis) mirror(points, axis);
  return points;
}

std::vector<Vector> fill(const Fibre& fibre, double step) {
  const int n = std::max(1, static_cast<int>(std::lround(90 / step)));
  const double range = fibre.azimuth >= 180 ? 90 : fibre.azimuth;
  const double from = fibre.azimuth >= 180 ? 0 : -range / 2;
  std::vector<Vector> points;
  for (int a = 0; a <= n; ++a)
    for (int b = 0; b <= a; ++b) {
      const double polar = std::numbers::pi / 2 * a / n;
      const double azimuth = (from + (a ? range * b / a : 0)) * std::numbers::pi / 180;
      points.push_back(
          {std::sin(polar) * std::cos(azimuth), std::sin(polar) * std::sin(azimuth), std::cos(polar)});
    }
  if (fibre.azimuth >= 180) mirror(points, 1);
  if (fibre.azimuth >= 360) mirror(points, 0);
  if (fibre.polar > 90) mirror(points, 2);
  return points;
}

}  // namespace

Expected<std::vector<Vector>> even_zones(LaueClass laue, int count) {
  if (count < 1 || count > k_max_zones)
    return fail(ErrorArea::usage, "{} zone axes were asked for; between 1 and {} are possible", count,
                k_max_zones);
  const std::vector<Vector> points = candidates(laue, count);
  std::vector<double> closest(points.size(),
                              -1);  // cosine to the nearest chosen direction or one of its images
  std::vector<Vector> chosen;
  const auto choose = [&](const Vector& direction) {
    chosen.push_back(direction);
    for (const Eigen::Matrix3d& operation : operations_of(laue)) {
      const Vector image = operation * direction;
      for (std::size_t i = 0; i < points.size(); ++i) closest[i] = std::max(closest[i], image.dot(points[i]));
    }
  };
  for (const Vector& corner : sector_of(laue).corners) {
    // Corners on the border of the sector may be images of each other.
    bool known = false;
    for (const Vector& other : chosen) known = known || symmetric_angle(laue, corner, other) < 1e-6;
    if (!known && std::ssize(chosen) < count) choose(corner);
  }
  while (std::ssize(chosen) < count) {
    std::size_t farthest = 0;
    for (std::size_t i = 1; i < points.size(); ++i)
      if (closest[i] < closest[farthest] - 1e-12) farthest = i;
    choose(points[farthest]);
  }
  return chosen;
}

Vector random_zone(LaueClass laue, CounterRandom& random) {
  const double z = random.uniform(-1, 1), phi = random.uniform(0, 2 * std::numbers::pi),
               r = std::sqrt(1 - z * z);
  return into_sector(laue, {r * std::cos(phi), r * std::sin(phi), z});
}

Expected<std::vector<Vector>> zone_plan(std::string_view point_group, double step_degrees) {
  if (!(step_degrees >= 0.5 && step_degrees <= 45))
    return fail(ErrorArea::usage, "the angle step of {}° is not in 0.5..45°", step_degrees);
  if (const auto wedge = wedge_of(point_group)) return fill(*wedge, step_degrees);
  if (const auto fibre = fibre_of(point_group)) return fill(*fibre, step_degrees);
  return fail(ErrorArea::usage, "\"{}\" is not one of the 32 point groups", point_group);
}

}  // namespace bragglive
