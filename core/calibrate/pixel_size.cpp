#include "core/calibrate/pixel_size.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "core/calibrate/robust_fit.hpp"

namespace bragglive {
namespace {

// A vector meets a ring when it is nearer than this: a share of its length (distortion) and a length (the
// disk's own error).
constexpr double k_relative = 0.015;
constexpr double k_absolute_px = 0.25;

double window(double q, double size) {
  return k_relative * q + k_absolute_px * size;
}

struct Radius {
  double r = 0, weight = 1;
  std::size_t group = 0;
};

const KnownRing* nearest(const std::vector<KnownRing>& rings, double q) {
  const auto above = std::lower_bound(rings.begin(), rings.end(), q,
                                      [](const KnownRing& ring, double value) { return ring.q < value; });
  if (above == rings.end()) return &rings.back();
  if (above == rings.begin()) return &*above;
  return above->q - q < q - (above - 1)->q ? &*above : &*(above - 1);
}

// Share of the neighbourhood of q (10 % to either side) that windows around rings cover: the chance of
// meeting one.
class Chance {
 public:
  Chance(const std::vector<KnownRing>& rings, double size) : last_(rings.back().q), cells_(k_cells + 1) {
    for (const KnownRing& ring : rings)
      for (std::size_t i = cell(ring.q - window(ring.q, size)); i <= cell(ring.q + window(ring.q, size)); ++i)
        cells_[i] = 1;
    sums_.resize(cells_.size() + 1);
    for (std::size_t i = 0; i < cells_.size(); ++i) sums_[i + 1] = sums_[i] + cells_[i];
  }
  double at(double q) const {
    const std::size_t low = cell(0.9 * q);
    const std::size_t high = cell(1.1 * q);
    return std::clamp((sums_[high + 1] - sums_[low]) / static_cast<double>(high - low + 1), 0.05, 0.95);
  }

 private:
  static constexpr std::size_t k_cells = 2048;
  std::size_t cell(double q) const {
    return std::min(k_cells,
                    static_cast<std::size_t>(std::max(0.0, q / last_ * static_cast<double>(k_cells))));
  }
  double last_;
  std::vector<double> cells_, sums_;
};

struct Score {
  double explained = 0, chance = 0, merit = 0, total = 0;
};

// How much better rings explain the vectors than chance does (log likelihood ratio, three fifths of the
// vectors taken for real), times the share of the strong rings that were seen. Vectors where the rings lie
// densely say little, as they should.
Score score(const std::vector<Radius>& radii, const std::vector<KnownRing>& rings, double size) {
  constexpr double k_real = 0.6;
  const Chance chance(rings, size);
  Score result;
  std::vector<double> met(rings.size());
  double weights = 0;
  double variance = 0;
  double likelihood = 0;
  const double limit = rings.back().q;
  double shortest = limit;
  double longest = 0;
  for (const Radius& radius : radii) {
    const double q = radius.r * size;
    if (q > limit) break;  // sorted by length
    const KnownRing* ring = nearest(rings, q);
    const double miss = (q - ring->q) / window(ring->q, size);
    const double hit = std::abs(miss) < 1 ? 1.5 * (1 - miss * miss) : 0;  // mean 1 within the window
    const double p = chance.at(q);
    weights += radius.weight;
    variance += radius.weight * radius.weight * p * (1 - p);
    likelihood += radius.weight * std::log(1 - k_real + k_real * hit / p);
    result.explained += radius.weight * (std::abs(miss) < 1 ? 1.0 : 0.0);
    result.chance += radius.weight * p;
    met[static_cast<std::size_t>(ring - rings.data())] += radius.weight * hit;
    shortest = std::min(shortest, q);
    longest = std::max(longest, q);
  }
  if (!(weights > 0)) return result;
  result.merit = (result.explained - result.chance) / std::sqrt(std::max(1e-9, variance));
  result.explained /= weights;
  result.chance /= weights;
  double expected = 0;
  double seen = 0;
  for (std::size_t i = 0; i < rings.size(); ++i) {
    if (rings[i].q < shortest * 0.97 || rings[i].q > longest * 1.03) continue;
    const double strength = std::sqrt(rings[i].strength) / rings[i].q;
    expected += strength;
    seen += strength * std::min(1.0, met[i] / (0.02 * weights));
  }
  result.total = expected > 0 ? likelihood * seen / expected : 0;
  return result;
}

// sum q r / sum r^2 over the vectors on rings, in two narrowing rounds.
double refine(const std::vector<Radius>& radii, const std::vector<KnownRing>& rings, double size,
              std::size_t left_out, std::size_t* used) {
  constexpr std::size_t k_parts = 10;
  for (const double narrow : {1.0, 0.7, 0.7}) {
    std::vector<double> ratios;
    std::vector<double> weights;
    for (const Radius& radius : radii) {
      if (radius.group % k_parts == left_out) continue;
      const double q = radius.r * size;
      const double ring = nearest(rings, q)->q;
      if (std::abs(q - ring) > narrow * window(ring, size)) continue;
      ratios.push_back(ring / radius.r);
      weights.push_back(radius.weight * radius.r *
                        radius.r);  // a pixel's error matters less on a long vector
    }
    if (ratios.size() < 2) return size;
    const auto count = static_cast<Eigen::Index>(ratios.size());
    const RobustFit fit =
        robust_fit(Eigen::MatrixXd::Ones(count, 1), Eigen::Map<const Eigen::VectorXd>(ratios.data(), count),
                   Eigen::Map<const Eigen::VectorXd>(weights.data(), count));
    if (fit.parameters.size() == 1) size = fit.parameters[0];
    if (used) *used = ratios.size();
  }
  return size;
}

}  // namespace

Expected<PixelSizeFit> fit_pixel_size(const std::vector<RingVector>& vectors,
                                      const std::vector<KnownRing>& known, double inner_px, double low,
                                      double high) {
  std::vector<KnownRing> rings = known;
  std::sort(rings.begin(), rings.end(), [](const KnownRing& a, const KnownRing& b) { return a.q < b.q; });
  std::erase_if(rings, [](const KnownRing& ring) { return !(ring.q > 0) || !(ring.strength > 0); });
  if (rings.empty()) return fail(ErrorArea::numeric, "pixel size: the known crystal has no reflections");
  std::vector<Radius> radii;
  for (const RingVector& vector : vectors) {
    const double r = std::hypot(vector.row, vector.col);
    if (r > inner_px) radii.push_back({r, vector.weight, vector.group});
  }
  if (radii.size() < 4)
    return fail(ErrorArea::numeric,
                "pixel size: only {} disks or ring points outside the direct beam; 4 are needed",
                radii.size());
  // Strong disks are certain ones; beyond the upper quarter more strength says nothing more.
  std::vector<double> strengths;
  for (const Radius& radius : radii) strengths.push_back(radius.weight);
  std::nth_element(strengths.begin(),
                   strengths.begin() + static_cast<std::ptrdiff_t>(3 * strengths.size() / 4),
                   strengths.end());
  const double strong = std::max(1e-30, strengths[3 * strengths.size() / 4]);
  for (Radius& radius : radii)
    radius.weight = std::clamp(std::sqrt(std::max(0.0, radius.weight) / strong), 0.05, 1.0);
  std::sort(radii.begin(), radii.end(), [](const Radius& a, const Radius& b) { return a.r < b.r; });
  // The same spot in many frames is one piece of evidence.
  constexpr double k_spot_px = 3;
  std::set<std::pair<long, long>> spots;
  for (const RingVector& vector : vectors)
    if (std::hypot(vector.row, vector.col) > inner_px)
      spots.emplace(std::lround(vector.row / k_spot_px), std::lround(vector.col / k_spot_px));
  const double independent = std::sqrt(static_cast<double>(spots.size()) / static_cast<double>(radii.size()));
  constexpr double k_least_explained = 0.6;
  Score best;
  double size = 0;
  for (double trial = low; trial <= high; trial *= 1.0015) {
    // At least a third of the vectors within the list of reflections, the first of them not far beyond its
    // end.
    if (radii[radii.size() / 3].r * trial > rings.back().q) break;
    const Score result = score(radii, rings, trial);
    if (result.total <= best.total) continue;
    best = result;
    size = trial;
  }
  // By chance, one of some hundred independent trials reaches three standard deviations; background that was
  // taken for disks, whose distances are no chance, has reached five.
  constexpr double k_least_merit = 6;
  if (size <= 0 || independent * best.merit < k_least_merit ||
      best.explained < std::max(best.chance + 0.2, k_least_explained))
    return fail(ErrorArea::numeric,
                "pixel size: the {} disks do not fit the known crystal; is it the right one?", radii.size());
  PixelSizeFit fit;
  constexpr std::size_t k_none = static_cast<std::size_t>(-1);
  fit.pixel_size = refine(radii, rings, size, k_none, &fit.vectors);
  const Score final = score(radii, rings, fit.pixel_size);
  fit.explained = final.explained;
  fit.chance = final.chance;
  fit.merit = independent * final.merit;
  constexpr std::size_t k_parts = 10;
  double mean = 0;
  std::array<double, k_parts> parts{};
  for (std::size_t i = 0; i < k_parts; ++i)
    mean += (parts[i] = refine(radii, rings, fit.pixel_size, i, nullptr)) / k_parts;
  double spread = 0;
  for (const double part : parts) spread += (part - mean) * (part - mean);
  fit.sigma = std::sqrt(spread * (k_parts - 1) / k_parts);
  std::vector<double> met;
  for (const Radius& radius : radii) {
    const double ring = nearest(rings, radius.r * fit.pixel_size)->q;
    if (std::abs(radius.r * fit.pixel_size - ring) < window(ring, fit.pixel_size) &&
        std::find(met.begin(), met.end(), ring) == met.end())
      met.push_back(ring);
  }
  fit.rings = met.size();
  return fit;
}

}  // namespace bragglive
