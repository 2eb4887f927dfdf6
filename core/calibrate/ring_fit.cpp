#include "core/calibrate/ring_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "core/calibrate/robust_fit.hpp"

namespace bragglive {
namespace {

constexpr double k_bin_px = 0.5;

// Minimum, then maximum of a sliding window (an opening): it follows any slope, and rings narrower than the
// window stand on it.
std::vector<double> without_background(const std::vector<double>& profile, int reach) {
  const auto n = static_cast<int>(profile.size());
  const auto slide = [n, reach](const std::vector<double>& in, auto pick) {
    std::vector<double> out(in.size());
    for (int i = 0; i < n; ++i)
      out[static_cast<std::size_t>(i)] =
          *pick(in.begin() + std::max(0, i - reach), in.begin() + std::min(n, i + reach + 1));
    return out;
  };
  using At = std::vector<double>::const_iterator;
  const std::vector<double> low =
      slide(profile, [](At begin, At end) { return std::min_element(begin, end); });
  const std::vector<double> open = slide(low, [](At begin, At end) { return std::max_element(begin, end); });
  std::vector<double> out(profile.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = profile[i] - open[i];
  return out;
}

// Standard deviation of a profile's points about their neighbours, each from the bins around it.
std::vector<double> noise_along(const std::vector<double>& profile) {
  constexpr std::size_t k_reach = 30;
  std::vector<double> bend(profile.size());
  for (std::size_t i = 1; i + 1 < profile.size(); ++i)
    bend[i] = std::abs(profile[i] - (profile[i - 1] + profile[i + 1]) / 2);
  std::vector<double> noise(profile.size());
  for (std::size_t i = 0; i < profile.size(); ++i) {
    const std::size_t begin = i > k_reach ? i - k_reach : 0;
    const std::size_t end = std::min(profile.size(), i + k_reach + 1);
    noise[i] = 1.48 / std::sqrt(1.5) *
               median({bend.begin() + static_cast<std::ptrdiff_t>(begin),
                       bend.begin() + static_cast<std::ptrdiff_t>(end)});
  }
  return noise;
}

}  // namespace

std::vector<RingVector> ring_vectors(const RealImage& image, double centre_row, double centre_col,
                                     double inner_px, int sectors) {
  const double longest =
      std::min({centre_row, centre_col, static_cast<double>(image.shape.rows) - 1 - centre_row,
                static_cast<double>(image.shape.cols) - 1 - centre_col});
  // A ring is at least so much brighter than what is below it, and not noise (the background is a minimum).
  constexpr double k_modulation = 0.05;
  constexpr double k_noise = 4;
  std::vector<RingVector> found;
  if (!(longest > inner_px + 8) || sectors < 8) return found;
  const auto bins = static_cast<std::size_t>(longest / k_bin_px);
  std::vector<std::vector<double>> sum(static_cast<std::size_t>(sectors), std::vector<double>(bins));
  std::vector<std::vector<double>> weight = sum;
  for (std::size_t row = 0; row < image.shape.rows; ++row)
    for (std::size_t col = 0; col < image.shape.cols; ++col) {
      const double dr = static_cast<double>(row) - centre_row;
      const double dc = static_cast<double>(col) - centre_col;
      const double place = std::hypot(dr, dc) / k_bin_px - 0.5;
      if (!(place >= 0 && place < static_cast<double>(bins - 1)) || !std::isfinite(image.at(row, col)))
        continue;
      const double turn = std::atan2(dc, dr) / (2 * std::numbers::pi) + 0.5;
      const std::size_t sector = std::min<std::size_t>(static_cast<std::size_t>(turn * sectors),
                                                       static_cast<std::size_t>(sectors) - 1);
      const auto bin = static_cast<std::size_t>(place);
      const double rest = place - static_cast<double>(bin);
      for (std::size_t side = 0; side < 2; ++side) {
        const double share = side ? rest : 1 - rest;
        sum[sector][bin + side] += share * image.at(row, col);
        weight[sector][bin + side] += share;
      }
    }
  for (std::size_t sector = 0; sector < sum.size(); ++sector) {
    std::vector<double> profile(bins);
    for (std::size_t i = 0; i < bins; ++i)
      profile[i] =
          weight[sector][i] > 0.1 ? sum[sector][i] / weight[sector][i] : (i > 0 ? profile[i - 1] : 0);
    const std::vector<double> rings = without_background(profile, static_cast<int>(8 / k_bin_px));
    const std::vector<double> noise = noise_along(profile);
    const double theta =
        (static_cast<double>(sector) + 0.5) / sectors * 2 * std::numbers::pi - std::numbers::pi;
    for (auto i = static_cast<std::size_t>(inner_px / k_bin_px) + 3; i + 3 < bins; ++i) {
      const bool top = rings[i] == *std::max_element(rings.begin() + static_cast<std::ptrdiff_t>(i) - 3,
                                                     rings.begin() + static_cast<std::ptrdiff_t>(i) + 4);
      if (!top || !(rings[i] > k_modulation * profile[i] + k_noise * noise[i])) continue;
      // Centroid of what rises above two thirds of the maximum: steadier than a parabola on a noisy ridge.
      double mass = 0;
      double moment = 0;
      for (std::size_t j = i - 3; j <= i + 3; ++j) {
        const double above = std::max(0.0, rings[j] - 0.5 * rings[i]);
        mass += above;
        moment += above * (static_cast<double>(j) + 0.5) * k_bin_px;
      }
      const double r = moment / mass;
      found.push_back({r * std::cos(theta), r * std::sin(theta), rings[i], sector});
    }
  }
  return found;
}

namespace {

struct Polar {
  double r = 0, theta = 0, weight = 1;
};

// Centres of the crowded places of the radial histogram.
std::vector<double> ring_radii(const std::vector<Polar>& points) {
  double longest = 0;
  for (const Polar& point : points) longest = std::max(longest, point.r);
  std::vector<double> histogram(static_cast<std::size_t>(longest / k_bin_px) + 4);
  for (const Polar& point : points) histogram[static_cast<std::size_t>(point.r / k_bin_px)] += 1;
  std::vector<double> smooth = histogram;
  for (std::size_t i = 2; i + 2 < histogram.size(); ++i)
    smooth[i] = 0.1 * (histogram[i - 2] + histogram[i + 2]) + 0.2 * (histogram[i - 1] + histogram[i + 1]) +
                0.4 * histogram[i];
  std::vector<double> radii;
  for (std::size_t i = 3; i + 3 < smooth.size(); ++i) {
    const auto begin = smooth.begin() + static_cast<std::ptrdiff_t>(i) - 3;
    if (smooth[i] >= 4 && smooth[i] == *std::max_element(begin, begin + 7))
      radii.push_back((static_cast<double>(i) + 0.5) * k_bin_px);
  }
  return radii;
}

struct Harmonics {
  double cosine = 0, sine = 0, variance = 0;  // relative to the radius
  std::size_t vectors = 0;
};

// The second harmonic of one ring, or nothing where vectors are missing on one side.
bool fit_ring(const std::vector<Polar>& points, double radius, double width, const Harmonics& known,
              Harmonics& out) {
  constexpr std::size_t k_sectors = 12;  // of a half turn
  constexpr std::size_t k_least = 48;
  std::vector<const Polar*> members;
  std::array<std::size_t, k_sectors> filled{};
  for (const Polar& point : points) {
    const double expected =
        radius * (1 + known.cosine * std::cos(2 * point.theta) + known.sine * std::sin(2 * point.theta));
    if (std::abs(point.r - expected) > width * radius) continue;
    members.push_back(&point);
    const double turn = std::fmod(point.theta / std::numbers::pi + 2, 1.0);
    ++filled[std::min(k_sectors - 1, static_cast<std::size_t>(turn * k_sectors))];
  }
  // Spots of one crystal sit in few directions and would make an ellipse of any near coincidence of spacings.
  const auto [fewest, most] = std::minmax_element(filled.begin(), filled.end());
  if (members.size() < k_least || *fewest < 2 || 4 * *most > members.size()) return false;
  // The first harmonic takes up what is wrong with the origin.
  Eigen::MatrixXd design(static_cast<Eigen::Index>(members.size()), 5);
  Eigen::VectorXd values(design.rows());
  for (Eigen::Index i = 0; i < design.rows(); ++i) {
    const Polar& point = *members[static_cast<std::size_t>(i)];
    design.row(i) << 1, std::cos(point.theta), std::sin(point.theta), std::cos(2 * point.theta),
        std::sin(2 * point.theta);
    values[i] = point.r;
  }
  const RobustFit fit = robust_fit(design, values);
  if (!fit.good) return false;
  const double r0 = fit.parameters[0];
  out.cosine = fit.parameters[3] / r0;
  out.sine = fit.parameters[4] / r0;
  out.variance = std::max(1e-12, (fit.sigma[3] * fit.sigma[3] + fit.sigma[4] * fit.sigma[4]) / (2 * r0 * r0));
  out.vectors = members.size();
  return true;
}

}  // namespace

bool is_ring_pattern(const std::vector<RingVector>& vectors, int sectors) {
  std::vector<Polar> points;
  for (const RingVector& vector : vectors) points.push_back({std::hypot(vector.row, vector.col), 0, 1});
  std::size_t rings = 0;
  for (const double radius : ring_radii(points)) {
    std::vector<std::uint8_t> filled(static_cast<std::size_t>(sectors), 0);
    for (std::size_t i = 0; i < points.size(); ++i)
      if (std::abs(points[i].r - radius) < 0.04 * radius && vectors[i].group < filled.size())
        filled[vectors[i].group] = 1;
    rings += 5 * static_cast<std::size_t>(std::count(filled.begin(), filled.end(), 1)) >= 3 * filled.size();
  }
  return rings >= 2;
}

EllipseFit fit_ellipse(const std::vector<RingVector>& vectors, double inner_px) {
  std::vector<Polar> points;
  for (const RingVector& vector : vectors) {
    const double r = std::hypot(vector.row, vector.col);
    if (r > inner_px) points.push_back({r, std::atan2(vector.col, vector.row), vector.weight});
  }
  EllipseFit ellipse;
  if (points.size() < 24) return ellipse;
  Harmonics known;
  for (const double width : {0.06, 0.04, 0.025}) {
    std::vector<Polar> round = points;
    for (Polar& point : round)
      point.r /= 1 + known.cosine * std::cos(2 * point.theta) + known.sine * std::sin(2 * point.theta);
    double weights = 0;
    Harmonics sum;
    ellipse.rings = 0;
    for (const double radius : ring_radii(round)) {
      Harmonics ring;
      if (!fit_ring(points, radius, width, known, ring)) continue;
      weights += 1 / ring.variance;
      sum.cosine += ring.cosine / ring.variance;
      sum.sine += ring.sine / ring.variance;
      sum.vectors += ring.vectors;
      ++ellipse.rings;
    }
    if (ellipse.rings == 0) return ellipse;
    known.cosine = sum.cosine / weights;
    known.sine = sum.sine / weights;
    known.variance = 1 / weights;
    ellipse.vectors = sum.vectors;
  }
  const double size = std::hypot(known.cosine, known.sine);
  ellipse.sigma = 2 * std::sqrt(known.variance);
  if (size < 3 * std::sqrt(known.variance) || size > 0.3) return ellipse;
  ellipse.found = true;
  ellipse.ratio = (1 + size) / (1 - size);
  ellipse.angle_deg = std::atan2(known.sine, known.cosine) / 2 * 180 / std::numbers::pi;
  return ellipse;
}

void undo_ellipse(std::vector<RingVector>& vectors, double ratio, double angle_deg) {
  const double c = std::cos(angle_deg * std::numbers::pi / 180);
  const double s = std::sin(angle_deg * std::numbers::pi / 180);
  const double along = 1 / std::sqrt(ratio);
  const double across = std::sqrt(ratio);
  for (RingVector& vector : vectors) {
    const double u = along * (vector.row * c + vector.col * s);
    const double v = across * (vector.col * c - vector.row * s);
    vector.row = u * c - v * s;
    vector.col = u * s + v * c;
  }
}

}  // namespace bragglive
