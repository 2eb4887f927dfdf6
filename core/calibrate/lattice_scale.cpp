#include "core/calibrate/lattice_scale.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>

#include "core/calibrate/plane_lattice.hpp"
#include "core/calibrate/robust_fit.hpp"
#include "core/calibrate/zone_search.hpp"

namespace bragglive {

using detail::Metric;
using detail::ScaleShape;
using detail::shape_of;
using detail::ZoneMatch;
using detail::ZoneSearch;

namespace {

// Two vectors of one frame whose scalar product is known; twice the same one: its length.
struct Indexed {
  std::array<double, 2> v{}, w{};  // px
  double product = 0;              // 1/Å^2
  double scale = 0;                // root of the lengths' product
  std::size_t group = 0;
};

struct Solution {
  Metric s = Metric::Zero();
  std::array<double, 2> keystone{};
};

enum class Model { round, ellipse, keystone };

std::optional<Solution> solve(const std::vector<Indexed>& indexed, Model model, std::size_t left_out) {
  constexpr std::size_t k_parts = 10;
  std::vector<const Indexed*> used;
  for (const Indexed& vector : indexed)
    if (vector.group % k_parts != left_out) used.push_back(&vector);
  const auto count = static_cast<Eigen::Index>(used.size());
  const Eigen::Index columns = model == Model::round ? 1 : model == Model::ellipse ? 3 : 5;
  Eigen::MatrixXd design(count, columns);
  Eigen::VectorXd values(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    const auto& [v, w, product, q, group] = *used[static_cast<std::size_t>(i)];
    // v'Sw / q against its value / q: an error of the position then counts the same on short and long
    // vectors.
    if (model == Model::round) {
      design(i, 0) = (v[0] * w[0] + v[1] * w[1]) / q;
    } else {
      design.row(i).head(3) << v[0] * w[0] / q, v[1] * w[1] / q, (v[0] * w[1] + v[1] * w[0]) / q;
      if (model == Model::keystone)
        design.row(i).tail(2) << -product * (v[0] + w[0]) / q, -product * (v[1] + w[1]) / q;
    }
    values[i] = product / q;
  }
  // Columns of like size: pixels squared and pixels differ by far.
  const Eigen::VectorXd scale = design.colwise().norm().cwiseMax(1e-300);
  const RobustFit fit = robust_fit(design * scale.cwiseInverse().asDiagonal(), values);
  if (!fit.good) return std::nullopt;
  const Eigen::VectorXd x = fit.parameters.cwiseQuotient(scale);
  if (model == Model::round) return Solution{Metric(x[0], x[0], 0), {}};
  return Solution{Metric(x[0], x[1], x[2]),
                  model == Model::keystone ? std::array<double, 2>{x[3], x[4]} : std::array<double, 2>{}};
}

// The solutions without a tenth of the groups each, as size, ellipse (two components) and keystone.
using Parts = Eigen::Matrix<double, 5, 1>;

std::optional<Parts> parts_of(const Solution& solution) {
  const auto shape = shape_of(solution.s);
  if (!shape) return std::nullopt;
  const double twice = 2 * shape->angle_deg * std::numbers::pi / 180;
  Parts parts;
  parts << shape->size, std::log(shape->ratio) * std::cos(twice), std::log(shape->ratio) * std::sin(twice),
      solution.keystone[0], solution.keystone[1];
  return parts;
}

Parts variance_of(const std::vector<Indexed>& indexed, Model model) {
  constexpr std::size_t k_parts = 10;
  std::vector<Parts> all;
  Parts mean = Parts::Zero();
  for (std::size_t i = 0; i < k_parts; ++i)
    if (const auto solution = solve(indexed, model, i))
      if (const auto parts = parts_of(*solution)) all.push_back(*parts);
  for (const Parts& parts : all) mean += parts / static_cast<double>(all.size());
  Parts variance = Parts::Zero();
  for (const Parts& parts : all) variance += (parts - mean).cwiseAbs2() * (k_parts - 1) / k_parts;
  return variance;
}

// A keystone only where it is certain and moves the farthest disks by more than half of their usual error.
Model model_for(const std::vector<Indexed>& indexed, bool find_ellipse) {
  constexpr std::size_t k_enough = 200;
  constexpr double k_certain = 5;
  constexpr double k_visible_px = 0.3;
  if (!find_ellipse) return Model::round;
  const auto trial = solve(indexed, Model::keystone, static_cast<std::size_t>(-1));
  if (indexed.size() < k_enough || !trial) return Model::ellipse;
  double farthest = 0;
  for (const Indexed& v : indexed) farthest = std::max(farthest, std::hypot(v.v[0], v.v[1]));
  const Parts variance = variance_of(indexed, Model::keystone);
  const double size = std::hypot(trial->keystone[0], trial->keystone[1]);
  const bool certain = size > k_certain * std::sqrt((variance[3] + variance[4]) / 2);
  return certain && size * farthest * farthest > k_visible_px ? Model::keystone : Model::ellipse;
}

void fill(const std::vector<Indexed>& indexed, const Solution& solution, Model model, LatticeScale& scale) {
  const ScaleShape shape = *shape_of(solution.s);
  const Parts variance = variance_of(indexed, model);
  scale.pixel_size.pixel_size = shape.size;
  scale.pixel_size.sigma = std::sqrt(variance[0]);
  scale.keystone = solution.keystone;
  scale.ellipse.sigma = shape.ratio * std::sqrt((variance[1] + variance[2]) / 2);
  scale.ellipse.found = model != Model::round && shape.ratio - 1 > 3 * scale.ellipse.sigma;
  if (!scale.ellipse.found) return;
  scale.ellipse.ratio = shape.ratio;
  scale.ellipse.angle_deg = shape.angle_deg;
}

// Lengths of the frame's vectors on the lattice and their products with some of the others (angles); returns
// how many vectors.
std::size_t add_products(std::span<const RingVector> frame, const PlaneLattice& plane, const Metric& zone,
                         double tolerance, std::vector<Indexed>& indexed) {
  struct Spot {
    std::array<double, 2> v;
    double h, k;
    std::size_t group;
  };
  std::vector<Spot> spots;
  for (const RingVector& vector : frame) {
    const PlaneLattice::Place place = plane.place(vector.row, vector.col);
    if (place.miss <= tolerance && (place.h != 0 || place.k != 0))
      spots.push_back({{vector.row, vector.col}, double(place.h), double(place.k), vector.group});
  }
  const auto product = [&](const Spot& x, const Spot& y) {
    return x.h * y.h * zone[0] + x.k * y.k * zone[1] + (x.h * y.k + x.k * y.h) * zone[2];
  };
  for (std::size_t i = 0; i < spots.size(); ++i)
    for (const std::size_t step : {0, 1, 3}) {
      const Spot& x = spots[i];
      const Spot& y = spots[(i + step) % spots.size()];
      if (step > 0 && y.v == x.v) continue;
      const double scale = std::pow(product(x, x) * product(y, y), 0.25);
      indexed.push_back({x.v, y.v, product(x, y), scale, x.group});
    }
  return spots.size();
}

// The vectors of all frames as one: places where several lie, each once. For frames that show too few disks.
std::vector<RingVector> vector_map(const std::vector<RingVector>& vectors, double together_px) {
  constexpr std::size_t k_least = 3;
  std::vector<RingVector> places;
  std::vector<std::size_t> counts;
  for (const RingVector& vector : vectors) {
    std::size_t i = 0;
    while (i < places.size() &&
           std::hypot(places[i].row - vector.row, places[i].col - vector.col) > together_px)
      ++i;
    if (i == places.size()) {
      places.push_back({vector.row, vector.col, 0, i});
      counts.push_back(0);
    }
    const double share = 1.0 / static_cast<double>(++counts[i]);
    places[i].row += share * (vector.row - places[i].row);
    places[i].col += share * (vector.col - places[i].col);
    places[i].weight += 1;
  }
  std::erase_if(places, [](const RingVector& place) { return place.weight < k_least; });
  std::sort(places.begin(), places.end(),
            [](const RingVector& a, const RingVector& b) { return a.weight > b.weight; });
  if (places.size() > 60) places.resize(60);
  for (RingVector& place : places) place.weight = 1;
  return places;
}

}  // namespace

Expected<LatticeScale> fit_lattice_scale(const std::vector<RingVector>& vectors,
                                         const std::vector<KnownReflection>& reflections, double shortest_px,
                                         double low, double high, bool find_ellipse) {
  const double tolerance = 0.7 + 0.05 * shortest_px;
  std::vector<std::span<const RingVector>> frames;
  for (std::size_t begin = 0; begin < vectors.size();) {
    std::size_t end = begin + 1;
    while (end < vectors.size() && vectors[end].frame == vectors[begin].frame) ++end;
    frames.emplace_back(vectors.data() + begin, end - begin);
    begin = end;
  }
  std::vector<PlaneLattice> planes;
  std::vector<std::span<const RingVector>> with_plane;
  const auto look = [&](std::span<const RingVector> frame) {
    const auto plane = find_plane_lattice(frame, shortest_px, tolerance);
    if (!plane) return;
    planes.push_back(*plane);
    with_plane.push_back(frame);
  };
  for (const auto& frame : frames) look(frame);
  std::vector<RingVector> map;
  if (planes.empty() && frames.size() > 1) {
    map = vector_map(vectors, tolerance);
    look(map);
  }
  if (planes.empty())
    return fail(
        ErrorArea::numeric,
        "pixel size: no frame shows the lattice of one zone axis (five disks at least, in two directions)");
  const ZoneSearch search(planes, reflections, low, high, find_ellipse);
  if (!search.found())
    return fail(ErrorArea::numeric, "pixel size: the lattices of {} frames fit no zone of the known crystal",
                planes.size());
  LatticeScale scale;
  std::vector<Indexed> indexed;
  std::size_t all = 0;
  std::size_t on_lattice = 0;
  double chance = 0;
  for (std::size_t i = 0; i < planes.size(); ++i) {
    const ZoneMatch match = search.match(planes[i]);
    all += with_plane[i].size();
    if (!(match.cost < ZoneMatch::k_worst)) continue;
    ++scale.frames;
    chance += planes[i].chance * static_cast<double>(with_plane[i].size());
    on_lattice += add_products(with_plane[i], planes[i], match.zone, tolerance, indexed);
  }
  const Model model = model_for(indexed, find_ellipse);
  const auto s = solve(indexed, model, static_cast<std::size_t>(-1));
  if (!s || !shape_of(s->s) || 2 * scale.frames < planes.size())
    return fail(ErrorArea::numeric,
                "pixel size: the lattices of {} of {} frames fit the known crystal; is it the right one?",
                scale.frames, planes.size());
  scale.lattices = search.lattices();
  scale.other_size = search.other_size();
  fill(indexed, *s, model, scale);
  PixelSizeFit& fit = scale.pixel_size;
  fit.vectors = scale.ellipse.vectors = on_lattice;
  fit.explained = static_cast<double>(on_lattice) / static_cast<double>(all);
  fit.chance = chance / static_cast<double>(all);
  fit.merit = (fit.explained - fit.chance) * static_cast<double>(all) /
              std::sqrt(std::max(1e-9, static_cast<double>(all) * fit.chance * (1 - fit.chance)));
  std::vector<double> met;
  for (const Indexed& pair : indexed)
    if (pair.v == pair.w && std::none_of(met.begin(), met.end(), [&](double q2) {
          return std::abs(q2 - pair.product) < 1e-4 * pair.product;
        }))
      met.push_back(pair.product);
  fit.rings = met.size();
  return scale;
}

}  // namespace bragglive
