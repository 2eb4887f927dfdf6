#include "core/features/indexing_features.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "core/features/index_cubic.hpp"
#include "core/features/index_pairs.hpp"
#include "core/features/index_plane.hpp"
#include "tests/catch.hpp"

using namespace bragglive;
using namespace bragglive::indexing;

namespace {

// Zone-axis pattern: all combinations of two reciprocal vectors up to q_max, intensities falling with q, all
// different.
BraggList zone_pattern(double ax, double ay, double bx, double by, double q_max) {
  BraggList peaks;
  for (int h = -12; h <= 12; ++h)
    for (int k = -12; k <= 12; ++k) {
      const double x = h * ax + k * bx, y = h * ay + k * by, q = std::hypot(x, y);
      if (q > q_max) continue;
      peaks.push_back({x, y, std::exp(-2 * q) * (1 + 0.01 * (h + 12) + 0.0003 * (k + 12))});
    }
  return peaks;
}

BraggList random_pattern(unsigned seed, std::size_t n = 20) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> q(-1.2, 1.2), intensity(0.001, 0.1);
  BraggList peaks = {{0, 0, 0.5}};
  while (peaks.size() < n) peaks.push_back({q(random), q(random), intensity(random)});
  return peaks;
}

BraggList transformed(BraggList peaks, double theta, bool mirror, double scale) {
  for (BraggPeak& peak : peaks) {
    const double x = peak.qx, y = mirror ? -peak.qy : peak.qy;
    peak = {std::cos(theta) * x - std::sin(theta) * y, std::sin(theta) * x + std::cos(theta) * y,
            scale * peak.intensity};
  }
  return peaks;
}

std::vector<float> compute(const FeatureSet& set, const BraggList& peaks) {
  std::vector<float> out(set.size(), NAN);
  set.compute(peaks, set.make_scratch().get(), out);
  return out;
}

SpotList spots_of(const BraggList& peaks) {
  SpotList list;
  prepare_spots(peaks, {}, list);
  return list;
}

const FeatureSet& indexing_set() {
  static const auto set = *make_feature_set("indexing");
  return *set;
}

// Distinct Q of a lattice as a pattern: one spot each, scattered in angle so that nothing but the lengths is
// right.
BraggList lines_of(const std::vector<double>& squares) {
  BraggList peaks;
  double angle = 0;
  for (const double square : squares) {
    angle += 1.3;
    peaks.push_back({std::sqrt(square) * std::cos(angle), std::sqrt(square) * std::sin(angle), 0.1});
  }
  return peaks;
}

double a_of(const CubicMatch& match) {
  return 1 / std::sqrt(static_cast<double>(match.parameter));
}

}  // namespace

TEST_CASE(
    "indexing features do not change when the pattern is turned, mirrored, scaled or listed in another "
    "order") {
  std::vector<BraggList> patterns;
  for (unsigned seed = 0; seed < 20; ++seed) patterns.push_back(random_pattern(seed, 6 + seed * 2));
  patterns.push_back(zone_pattern(0.24, 0, 0, 0.24, 1.0));
  patterns.push_back(zone_pattern(0.3, 0, 0.15, 0.26, 1.1));
  const auto names = indexing_set().names();
  std::size_t compared = 0, changed = 0;
  for (const BraggList& pattern : patterns) {
    const auto before = compute(indexing_set(), pattern);
    for (const auto& [theta, mirror, scale] :
         {std::tuple{0.61, false, 1.0}, {2.2, true, 1.0}, {0.0, false, 731.0}}) {
      BraggList other = transformed(pattern, theta, mirror, scale);
      std::reverse(other.begin(), other.end());
      const auto after = compute(indexing_set(), other);
      for (std::size_t f = 0; f < before.size(); ++f) {
        ++compared;
        // Rounding may move a spot over a tolerance: rare, and nothing else may move a feature.
        if (std::abs(after[f] - before[f]) > 1e-3F + 2e-3F * std::abs(before[f])) ++changed;
      }
    }
  }
  REQUIRE(compared == patterns.size() * 3 * names.size());
  CHECK(changed * 200 < compared);
}

TEST_CASE("indexing features see what is different") {
  const auto square = compute(indexing_set(), zone_pattern(0.24, 0, 0, 0.24, 1.0));
  const auto oblong = compute(indexing_set(), zone_pattern(0.24, 0, 0, 0.31, 1.0));
  const auto names = indexing_set().names();
  const auto at = [&](const char* name) {
    const auto found = std::find(names.begin(), names.end(), name);
    REQUIRE(found != names.end());
    return static_cast<std::size_t>(found - names.begin());
  };
  CHECK(square[at("four-fold")] > 0.95F);
  CHECK(oblong[at("four-fold")] < 0.5F);
  CHECK(square[at("plane b/a")] == Approx(1).margin(0.01));
  CHECK(oblong[at("plane b/a")] == Approx(0.31 / 0.24).margin(0.01));
  CHECK(oblong[at("plane angle")] == Approx(90).margin(0.5));
  CHECK(oblong[at("mirror")] > 0.95F);
}

TEST_CASE("a cubic set of lines gives its lattice constant") {
  std::vector<double> squares;
  for (const int n : {3, 4, 8, 11, 12, 16, 19, 20, 24}) squares.push_back(n / (4.0786 * 4.0786));
  const CubicMatches found = search_cubic(spots_of(lines_of(squares)), 0.003);
  // Half the constant explains five of the eight lines with far fewer calculated ones and may rank higher;
  // the whole constant, which explains all, must be among the answers.
  const CubicMatch& whole = found.best.share > found.second.share ? found.best : found.second;
  CHECK(whole.share == 1.0F);
  CHECK(a_of(whole) == Approx(4.0786).epsilon(0.003));
}

TEST_CASE("fewer than four lines are no cubic lattice") {
  CHECK(search_cubic(spots_of(lines_of({0.1, 0.2, 0.3})), 0.003).best.parameter == 0);
  CHECK(search_cubic(spots_of({}), 0.003).best.parameter == 0);
}

TEST_CASE("scalar products tell a cubic pattern from one with the same lengths and other angles") {
  // [001] of a cubic crystal, and its spots each turned by an angle of their own.
  const BraggList right = zone_pattern(0.245, 0, 0, 0.245, 1.2);
  BraggList wrong = right;
  std::mt19937 random(3);
  std::uniform_real_distribution<double> angle(0, 2 * std::numbers::pi);
  for (BraggPeak& peak : wrong) peak = transformed({peak}, angle(random), false, 1)[0];
  const CubicMatch cubic = search_cubic(spots_of(right), 0.003).best;
  CHECK(cubic.products > 10);
  CHECK(search_cubic(spots_of(wrong), 0.003).best.products < cubic.products / 2);
}

TEST_CASE("the plane cell survives position errors and a spot that is none") {
  BraggList peaks = zone_pattern(0.21, 0, 0.05, 0.27, 1.0);
  std::mt19937 random(5);
  std::normal_distribution<double> error(0, 0.002);
  for (BraggPeak& peak : peaks) peak.qx += error(random), peak.qy += error(random);
  peaks.push_back({0.37, 0.61, 0.05});
  PlaneFeatures plane;
  describe_plane(spots_of(peaks), 0.003, plane);
  CHECK(plane.area == Approx(0.21 * 0.27).epsilon(0.02));
  CHECK(plane.a == Approx(0.21).epsilon(0.02));
  CHECK(plane.two_fold > 0.8F);
}

TEST_CASE("indexing features are finite whatever the list, and their definition rebuilds them") {
  for (const BraggList& peaks : {BraggList{}, BraggList{{0, 0, 1}},
                                 BraggList{{0.3, 0, 1}, {0.3, 0, 1}, {0.3, 0, 1}, {0.3, 0, 1}, {0.3, 0, 1}},
                                 BraggList{{NAN, 0, 1}, {0.4, INFINITY, 1}, {0.5, 0, NAN}, {0.1, 0.2, -1}},
                                 random_pattern(1, 500), BraggList(30, BraggPeak{1e300, 1e-300, 1e300})})
    for (const float value : compute(indexing_set(), peaks)) CHECK(std::isfinite(value));
  std::mt19937 random(9);
  for (int trial = 0; trial < 3000; ++trial)
    for (const float value :
         compute(indexing_set(), random_pattern(static_cast<unsigned>(trial), random() % 60)))
      REQUIRE(std::isfinite(value));
  const auto set = *make_feature_set("indexing kv=200 sigma=0.004 qmax=1.5");
  CHECK((*make_feature_set(set->definition()))->definition() == set->definition());
  CHECK(set->names().size() == set->size());
  CHECK(compute(*set, random_pattern(2)) != compute(indexing_set(), random_pattern(2)));
  for (const char* bad : {"indexing kv=0", "indexing sigma=0", "indexing sigma=1", "indexing qmax=9",
                          "indexing colour=red", "indexing v=2", "indexing v=99"})
    CHECK_FALSE(make_feature_set(bad));
}
