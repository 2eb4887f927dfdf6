#include "core/calibrate/probe_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/detect/correlation_detector.hpp"

namespace bragglive {

RadialProfile::RadialProfile(double longest_px, double step_px)
    : step_(step_px),
      sum_(static_cast<std::size_t>(longest_px / step_px) + 1),
      distance_(sum_.size()),
      pixels_(sum_.size()) {}

void RadialProfile::add(const FrameView& frame, double centre_row, double centre_col,
                        const std::vector<std::uint8_t>& masked) {
  const RealImage image = to_real(frame);
  for (std::size_t row = 0; row < image.shape.rows; ++row)
    for (std::size_t col = 0; col < image.shape.cols; ++col) {
      const std::size_t index = row * image.shape.cols + col;
      if (!masked.empty() && masked[index]) continue;
      const double r =
          std::hypot(static_cast<double>(row) - centre_row, static_cast<double>(col) - centre_col);
      const auto bin = static_cast<std::size_t>(r / step_);
      if (bin >= sum_.size() || !std::isfinite(image.pixels[index])) continue;
      sum_[bin] += image.pixels[index];
      distance_[bin] += r;
      pixels_[bin] += 1;
    }
}

double RadialProfile::radius(std::size_t bin) const {
  return pixels_[bin] > 0 ? distance_[bin] / pixels_[bin] : (static_cast<double>(bin) + 0.5) * step_;
}

namespace {

// Residual sum of squares with the best height and background for this radius and edge.
double misfit(const RadialProfile& profile, double longest, double radius, double edge) {
  double n = 0, t1 = 0, t2 = 0, v1 = 0, v2 = 0, tv = 0;
  for (std::size_t i = 0; i < profile.bins() && profile.radius(i) <= longest; ++i) {
    // Inner bins hold few pixels but say as much about the shape: weight by the root of the number of pixels.
    const double w = std::sqrt(profile.pixels(i));
    const double t = 1 / (1 + std::exp(std::min(700.0, 4 * (profile.radius(i) - radius) / edge)));
    const double v = profile.mean(i);
    n += w;
    t1 += w * t;
    t2 += w * t * t;
    v1 += w * v;
    v2 += w * v * v;
    tv += w * t * v;
  }
  const double tt = t2 - t1 * t1 / n;
  const double vt = tv - t1 * v1 / n;
  if (!(tt > 1e-9 * n) || vt <= 0) return std::numeric_limits<double>::max();
  return v2 - v1 * v1 / n - vt * vt / tt;
}

}  // namespace

Expected<ProbeFit> fit_probe(const RadialProfile& profile, double guess) {
  if (!(guess > 0) || profile.bins() < 4)
    return fail(ErrorArea::numeric, "probe radius: no radial profile to fit; give --probe-radius");
  const double longest = 2 * guess + 3;
  double radius_low = std::max(0.5, 0.5 * guess);
  double radius_high = 1.6 * guess + 1;
  double edge_low = 0.3;
  double edge_high = 2 + guess;
  ProbeFit best;
  double least = std::numeric_limits<double>::max();
  for (int round = 0; round < 5; ++round) {
    constexpr int k_grid = 24;
    for (int i = 0; i <= k_grid; ++i)
      for (int j = 0; j <= k_grid; ++j) {
        const double radius = radius_low + (radius_high - radius_low) * i / k_grid;
        const double edge = edge_low + (edge_high - edge_low) * j / k_grid;
        const double value = misfit(profile, longest, radius, edge);
        if (value >= least) continue;
        least = value;
        best = {radius, edge};
      }
    const double radius_step = (radius_high - radius_low) / k_grid * 2;
    const double edge_step = (edge_high - edge_low) / k_grid * 2;
    radius_low = std::max(0.5, best.radius_px - radius_step);
    radius_high = best.radius_px + radius_step;
    edge_low = std::max(0.2, best.edge_px - edge_step);
    edge_high = best.edge_px + edge_step;
  }
  if (least == std::numeric_limits<double>::max())
    return fail(ErrorArea::numeric,
                "probe radius: the centre is not brighter than its surroundings; give --probe-radius");
  return best;
}

namespace {

// Of the pixels connected with the one at `top` that are at least `level` high.
ProbeSize region_above(const RealImage& image, std::ptrdiff_t top, double level) {
  const auto rows = static_cast<std::ptrdiff_t>(image.shape.rows);
  const auto cols = static_cast<std::ptrdiff_t>(image.shape.cols);
  std::vector<std::ptrdiff_t> region{top};
  std::vector<std::uint8_t> inside(image.pixels.size(), 0);
  inside[static_cast<std::size_t>(top)] = 1;
  ProbeSize size;
  for (std::size_t i = 0; i < region.size(); ++i) {
    const std::ptrdiff_t row = region[i] / cols;
    const std::ptrdiff_t col = region[i] % cols;
    size.row += static_cast<double>(row);
    size.col += static_cast<double>(col);
    const std::array<std::array<std::ptrdiff_t, 2>, 4> sides{
        {{row - 1, col}, {row + 1, col}, {row, col - 1}, {row, col + 1}}};
    for (const auto& [r, c] : sides) {
      if (r < 0 || c < 0 || r >= rows || c >= cols) continue;
      const auto at = static_cast<std::size_t>(r * cols + c);
      if (inside[at] || image.pixels[at] < level) continue;
      inside[at] = 1;
      region.push_back(r * cols + c);
    }
  }
  const auto count = static_cast<double>(region.size());
  size.row /= count;
  size.col /= count;
  size.radius_px = std::max(1.0, std::sqrt(count / std::numbers::pi));
  return size;
}

}  // namespace

Expected<ProbeSize> coarse_probe(RealImage image) {
  constexpr int k_levels = 9;
  constexpr double k_step = 0.82;
  constexpr double k_large_px = 4;
  constexpr double k_flat = 0.3;  // growth of the radius against the fall of the level, logarithms
  RealImage scratch;
  gaussian_smooth(image, 1.0, scratch);
  const auto highest = std::max_element(image.pixels.begin(), image.pixels.end());
  if (highest == image.pixels.end() || !(*highest > 0))
    return fail(ErrorArea::numeric, "calibration: the frames are empty");
  const std::ptrdiff_t top = highest - image.pixels.begin();
  std::vector<ProbeSize> sizes;
  for (int i = 0; i < k_levels; ++i) {
    sizes.push_back(region_above(image, top, *highest * 0.5 * std::pow(k_step, i)));
    if (sizes[0].radius_px < k_large_px) return sizes[0];
  }
  const auto growth = [&](std::size_t i) {
    return std::log(sizes[i + 2].radius_px / sizes[i].radius_px) / (-2 * std::log(k_step));
  };
  std::size_t flattest = 0;
  for (std::size_t i = 1; i + 2 < sizes.size(); ++i)
    if (growth(i) < growth(flattest)) flattest = i;
  const bool uneven = growth(0) > k_flat && growth(flattest) < 0.7 * k_flat;
  return sizes[uneven ? flattest + 1 : 0];
}

ProbeMean::ProbeMean(std::uint32_t half)
    : side_(2 * half + 1), sum_(static_cast<std::size_t>(side_) * side_), pixels_(sum_.size()) {}

void ProbeMean::add(const FrameView& frame, double centre_row, double centre_col,
                    const std::vector<std::uint8_t>& masked) {
  const RealImage image = to_real(frame);
  const auto half = static_cast<double>(side_ / 2);
  const double top = std::floor(centre_row - half);
  const double left = std::floor(centre_col - half);
  const double down = centre_row - half - top;
  const double right = centre_col - half - left;
  for (std::uint32_t row = 0; row < side_; ++row)
    for (std::uint32_t col = 0; col < side_; ++col) {
      double sum = 0;
      double share = 0;
      for (int corner = 0; corner < 4; ++corner) {
        const double r = top + row + corner / 2;
        const double c = left + col + corner % 2;
        if (r < 0 || c < 0 || r >= frame.shape.rows || c >= frame.shape.cols) continue;
        const auto from = static_cast<std::size_t>(r) * frame.shape.cols + static_cast<std::size_t>(c);
        if ((!masked.empty() && masked[from]) || !std::isfinite(image.pixels[from])) continue;
        const double weight = (corner / 2 ? down : 1 - down) * (corner % 2 ? right : 1 - right);
        sum += weight * image.pixels[from];
        share += weight;
      }
      if (share < 0.5) continue;
      sum_[row * side_ + col] += sum;
      pixels_[row * side_ + col] += share;
    }
}

ProbeImage ProbeMean::image() const {
  std::vector<double> mean(sum_.size());
  std::vector<double> rim;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    mean[i] = pixels_[i] > 0 ? sum_[i] / pixels_[i] : 0;
    const std::size_t row = i / side_;
    const std::size_t col = i % side_;
    if (pixels_[i] > 0 && (row == 0 || col == 0 || row + 1 == side_ || col + 1 == side_))
      rim.push_back(mean[i]);
  }
  if (rim.empty()) return {};
  const auto quartile = rim.begin() + static_cast<std::ptrdiff_t>(rim.size() / 4);
  std::nth_element(rim.begin(), quartile, rim.end());
  const double ground = *quartile;
  const double most = *std::max_element(mean.begin(), mean.end()) - ground;
  if (!(most > 0)) return {};
  ProbeImage probe{side_, {}};
  for (const double value : mean)
    probe.values.push_back(static_cast<float>(std::max(0.0, (value - ground) / most)));
  return probe;
}

}  // namespace bragglive
