#include "core/calibrate/pixel_size.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/calibrate/robust_fit.hpp"

namespace bragglive {
namespace {

constexpr double k_tolerance = 0.012;  // relative: rings nearer than this count as met

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

// Share of the range of q between the shortest and the longest vector that the windows around the rings
// cover.
double coverage(const std::vector<KnownRing>& rings, double low, double high) {
  double covered = 0;
  double reached = low;
  for (const KnownRing& ring : rings) {
    const double begin = std::max(reached, ring.q * (1 - k_tolerance));
    const double end = std::min(high, ring.q * (1 + k_tolerance));
    if (end > begin) covered += end - begin;
    reached = std::max(reached, end);
  }
  return std::clamp(covered / (high - low), 1e-3, 1.0);
}

struct Score {
  double explained = 0, chance = 1, merit = 0, total = 0;
};

Score score(const std::vector<Radius>& radii, const std::vector<KnownRing>& rings, double size,
            double shortest, double longest) {
  Score result;
  std::vector<double> met(rings.size());
  double weights = 0;
  double weights2 = 0;
  for (const Radius& radius : radii) {
    const double q = radius.r * size;
    const KnownRing* ring = nearest(rings, q);
    const double miss = (q - ring->q) / (k_tolerance * ring->q);
    weights += radius.weight;
    weights2 += radius.weight * radius.weight;
    if (std::abs(miss) >= 1) continue;
    const double hit = radius.weight * (1 - miss * miss) * 1.5;  // mean 1 for a vector anywhere in the window
    result.explained += hit;
    met[static_cast<std::size_t>(ring - rings.data())] += hit;
  }
  result.explained /= weights;
  result.chance = coverage(rings, shortest * size, longest * size);
  const double independent = weights * weights / weights2;
  result.merit =
      (result.explained - result.chance) /
      std::sqrt(std::max(1e-6, result.chance * (1 - result.chance)) / std::min(independent, 400.0));
  // Of the strength in range, how much was seen: without this a fine comb of rings would explain anything.
  double expected = 0;
  double seen = 0;
  for (std::size_t i = 0; i < rings.size(); ++i) {
    if (rings[i].q < shortest * size || rings[i].q > longest * size) continue;
    const double strength = std::sqrt(rings[i].strength);
    expected += strength;
    seen += strength * std::min(1.0, met[i] / (0.02 * weights));
  }
  result.total = expected > 0 ? result.merit * seen / expected : 0;
  return result;
}

// sum q r / sum r^2 over the vectors on rings, in two narrowing rounds.
double refine(const std::vector<Radius>& radii, const std::vector<KnownRing>& rings, double size,
              std::size_t left_out, std::size_t* used) {
  constexpr std::size_t k_parts = 10;
  for (const double tolerance : {k_tolerance, 0.7 * k_tolerance, 0.7 * k_tolerance}) {
    std::vector<double> ratios;
    for (const Radius& radius : radii) {
      if (radius.group % k_parts == left_out) continue;
      const double ring = nearest(rings, radius.r * size)->q;
      if (std::abs(radius.r * size / ring - 1) < tolerance) ratios.push_back(ring / radius.r);
    }
    if (ratios.size() < 2) return size;
    const Eigen::MatrixXd ones = Eigen::MatrixXd::Ones(static_cast<Eigen::Index>(ratios.size()), 1);
    const RobustFit fit = robust_fit(ones, Eigen::Map<const Eigen::VectorXd>(ratios.data(), ones.rows()));
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
    if (r > inner_px) radii.push_back({r, 1, vector.group});
  }
  if (radii.size() < 4)
    return fail(ErrorArea::numeric,
                "pixel size: only {} disks or ring points outside the direct beam; 4 are needed",
                radii.size());
  std::sort(radii.begin(), radii.end(), [](const Radius& a, const Radius& b) { return a.r < b.r; });
  const double shortest = radii[radii.size() / 50].r * 0.97;
  const double longest = radii[radii.size() - 1 - radii.size() / 50].r * 1.03;
  Score best;
  double size = 0;
  for (double trial = low; trial <= high; trial *= 1.002) {
    if (shortest * trial > rings.back().q || longest * trial < rings.front().q) continue;
    if (longest * trial > rings.back().q * 1.02)
      break;  // beyond the list of reflections nothing could be explained
    const Score result = score(radii, rings, trial, shortest, longest);
    if (result.total <= best.total) continue;
    best = result;
    size = trial;
  }
  if (size <= 0 || best.merit < 3)
    return fail(ErrorArea::numeric,
                "pixel size: the {} disks do not fit the known crystal; is it the right one?", radii.size());
  PixelSizeFit fit;
  constexpr std::size_t k_none = static_cast<std::size_t>(-1);
  fit.pixel_size = refine(radii, rings, size, k_none, &fit.vectors);
  const Score final = score(radii, rings, fit.pixel_size, shortest, longest);
  fit.explained = std::min(1.0, final.explained);
  fit.chance = final.chance;
  fit.merit = final.merit;
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
    if (std::abs(radius.r * fit.pixel_size / ring - 1) < k_tolerance &&
        std::find(met.begin(), met.end(), ring) == met.end())
      met.push_back(ring);
  }
  fit.rings = met.size();
  return fit;
}

}  // namespace bragglive
