// Patterns with a known truth: disks with a soft edge, a background, Poisson noise.
#pragma once
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/frame/frame_view.hpp"

namespace bragglive::test {

struct PatternSpec {
  FrameShape shape{192, 192};
  double probe_radius = 3;
  double edge_width = 1;      // of the logistic edge 1 / (1 + exp(4 (r - R) / w))
  double dose = 1e4;          // counts in the disks
  int disks = 25;             // the direct beam included
  double direct_share = 0.4;  // of the dose
  double background = 0;      // counts per pixel, flat
  double halo = 0;            // further counts, as a Gaussian of sigma 0.15 sides around the centre
  double min_spacing = 12;    // between disk centres, px
  double weakest = 0.05;      // of the strongest diffracted disk
};

struct Pattern {
  FrameShape shape;
  std::vector<double> expected;  // counts per pixel before noise
  std::vector<std::uint16_t> counts;
  BraggList truth;  // direct beam first
  FrameView view() const { return {counts.data(), shape, PixelType::u16}; }
};

// Adds a disk of `counts` integrated counts, averaged over 5 x 5 points of each pixel.
inline void add_disk(std::vector<double>& image, FrameShape shape, double row, double col, double counts,
                     double radius, double width) {
  const int reach = static_cast<int>(radius + 4 * width) + 2;
  std::vector<double> values;
  std::vector<std::size_t> places;
  double sum = 0;
  for (int r = static_cast<int>(row) - reach; r <= static_cast<int>(row) + reach; ++r)
    for (int c = static_cast<int>(col) - reach; c <= static_cast<int>(col) + reach; ++c) {
      double value = 0;
      for (int i = -2; i <= 2; ++i)
        for (int j = -2; j <= 2; ++j)
          value +=
              1 / (1 + std::exp(4 * (std::hypot(r + 0.2 * i - row, c + 0.2 * j - col) - radius) / width));
      sum += value;
      if (r < 0 || c < 0 || r >= static_cast<int>(shape.rows) || c >= static_cast<int>(shape.cols)) continue;
      values.push_back(value);
      places.push_back(static_cast<std::size_t>(r) * shape.cols + static_cast<std::size_t>(c));
    }
  for (std::size_t i = 0; i < values.size(); ++i) image[places[i]] += counts * values[i] / sum;
}

inline void draw_counts(Pattern& pattern, std::mt19937_64& random) {
  pattern.counts.assign(pattern.expected.size(), 0);
  for (std::size_t i = 0; i < pattern.counts.size(); ++i) {
    if (!(pattern.expected[i] > 0)) continue;  // no distribution has the mean 0
    const long value = std::poisson_distribution<long>(pattern.expected[i])(random);
    pattern.counts[i] = static_cast<std::uint16_t>(std::min(value, 65535L));
  }
}

inline Pattern make_pattern(const PatternSpec& spec, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  Pattern pattern;
  pattern.shape = spec.shape;
  const double centre_row = (spec.shape.rows - 1) / 2.0 + unit(random) * 2 - 1;
  const double centre_col = (spec.shape.cols - 1) / 2.0 + unit(random) * 2 - 1;
  pattern.truth.push_back({centre_row, centre_col, 0});
  const double margin = spec.probe_radius + 2 * spec.edge_width + 2;
  for (int attempt = 0; attempt < 20000 && static_cast<int>(pattern.truth.size()) < spec.disks; ++attempt) {
    const double row = margin + unit(random) * (spec.shape.rows - 1 - 2 * margin);
    const double col = margin + unit(random) * (spec.shape.cols - 1 - 2 * margin);
    bool free = true;
    for (const BraggPeak& other : pattern.truth)
      free = free && std::hypot(other.qx - row, other.qy - col) >= spec.min_spacing;
    if (free) pattern.truth.push_back({row, col, std::pow(spec.weakest, unit(random))});
  }
  double weights = 0;
  for (std::size_t i = 1; i < pattern.truth.size(); ++i) weights += pattern.truth[i].intensity;
  for (std::size_t i = 1; i < pattern.truth.size(); ++i)
    pattern.truth[i].intensity *= (1 - spec.direct_share) * spec.dose / weights;
  pattern.truth[0].intensity = spec.direct_share * spec.dose;

  pattern.expected.assign(spec.shape.pixels(), spec.background);
  if (spec.halo > 0) {
    const double sigma = 0.15 * std::min(spec.shape.rows, spec.shape.cols);
    for (std::size_t r = 0; r < spec.shape.rows; ++r)
      for (std::size_t c = 0; c < spec.shape.cols; ++c) {
        const double dr = static_cast<double>(r) - centre_row;
        const double dc = static_cast<double>(c) - centre_col;
        pattern.expected[r * spec.shape.cols + c] += spec.halo / (2 * std::numbers::pi * sigma * sigma) *
                                                     std::exp(-(dr * dr + dc * dc) / (2 * sigma * sigma));
      }
  }
  for (const BraggPeak& disk : pattern.truth)
    add_disk(pattern.expected, spec.shape, disk.qx, disk.qy, disk.intensity, spec.probe_radius,
             spec.edge_width);
  draw_counts(pattern, random);
  return pattern;
}

struct Match {
  int hits = 0, missed = 0, false_found = 0;
  double position_rms = 0;    // px, per axis, over the hits
  double intensity_bias = 0;  // mean of found / true - 1 over the hits
  double f1() const { return 2.0 * hits / std::max(1.0, 2.0 * hits + missed + false_found); }
};

// Pairs found and true disks closer than `tolerance` px, strongest first. Only truths of at least
// `min_counts` can be missed.
inline Match compare(const BraggList& truth, const BraggList& found, double tolerance,
                     double min_counts = 0) {
  Match match;
  std::vector<bool> used(truth.size(), false);
  double sum2 = 0;
  double bias = 0;
  for (const BraggPeak& peak : found) {
    std::size_t best = truth.size();
    double best_distance = tolerance;
    for (std::size_t i = 0; i < truth.size(); ++i) {
      const double distance = std::hypot(truth[i].qx - peak.qx, truth[i].qy - peak.qy);
      if (!used[i] && distance < best_distance) {
        best_distance = distance;
        best = i;
      }
    }
    if (best == truth.size()) {
      ++match.false_found;
      continue;
    }
    used[best] = true;
    ++match.hits;
    sum2 += best_distance * best_distance;
    bias += peak.intensity / truth[best].intensity - 1;
  }
  for (std::size_t i = 0; i < truth.size(); ++i) match.missed += !used[i] && truth[i].intensity >= min_counts;
  if (match.hits > 0) {
    match.position_rms = std::sqrt(sum2 / (2 * match.hits));
    match.intensity_bias = bias / match.hits;
  }
  return match;
}

}  // namespace bragglive::test
