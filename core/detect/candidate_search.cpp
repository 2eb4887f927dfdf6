#include "core/detect/candidate_search.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/detect/disk_plan.hpp"
#include "core/detect/noise_level.hpp"
#include "core/detect/significance.hpp"

namespace bragglive::detail {
namespace {

using Plan = DiskDetector::Plan;
constexpr std::size_t k_max_candidates = 4096;  // bounds the work on a frame that is all noise
constexpr double k_unsure_below = 0.4;          // excess over background under which humps are thought of
constexpr double k_hump = 0.02;                 // their standard deviation over the background
constexpr double k_looser = 1.2;  // standard deviations by which the first, rough test is more generous

struct Background {
  double counts = 0;  // in the part of the ring that is used
  double pixels = 0;
  double by_row = 0, by_col = 0;  // slope, counts per pixel and pixel
};

constexpr std::size_t k_pairs = Plan::k_sectors / 2;

struct SectorSums {
  std::array<double, Plan::k_sectors> counts{}, pixels{};
};

template <class Pixel>
SectorSums sum_sectors(const Plan& p, const Pixel* image, int row, int col) {
  const auto rows = static_cast<int>(p.shape.rows);
  const auto cols = static_cast<int>(p.shape.cols);
  const bool inside =
      row >= p.ring_reach && col >= p.ring_reach && row + p.ring_reach < rows && col + p.ring_reach < cols;
  const Pixel* centre =
      image + p.origin + static_cast<std::size_t>(row) * p.stride + static_cast<std::size_t>(col);
  SectorSums sums;
  for (std::size_t sector = 0; sector < Plan::k_sectors; ++sector) {
    const std::size_t begin = p.sector_begin[sector];
    const std::size_t end = p.sector_begin[sector + 1];
    std::uint64_t sum = 0;  // pixels beyond the border are zero
    for (std::size_t i = begin; i < end; ++i) sum += centre[p.ring_offsets[i]];
    std::size_t members = end - begin;
    for (std::size_t i = begin; i < end && !inside; ++i) {
      const Plan::RingPixel at = p.ring[i];
      members -= row + at.row < 0 || col + at.col < 0 || row + at.row >= rows || col + at.col >= cols;
    }
    sums.counts[sector] = static_cast<double>(sum);
    sums.pixels[sector] = static_cast<double>(members);
  }
  return sums;
}

// Opposite sectors are taken together, so that a slope cancels; pairs that hold another disk stand out and
// are left out.
Background judge_sectors(const Plan& p, const SectorSums& sectors, double variance) {
  std::array<double, k_pairs> counts{};
  std::array<double, k_pairs> pixels{};
  double lowest = std::numeric_limits<double>::max();
  for (std::size_t i = 0; i < k_pairs; ++i) {
    counts[i] = sectors.counts[i] + sectors.counts[i + k_pairs];
    pixels[i] = sectors.pixels[i] + sectors.pixels[i + k_pairs];
    if (pixels[i] > 0) lowest = std::min(lowest, counts[i] / pixels[i]);
  }
  Background background;
  double rr = 0;
  double rc = 0;
  double cc = 0;
  double r = 0;
  double c = 0;
  for (std::size_t i = 0; i < k_pairs; ++i) {
    const double expected = lowest * pixels[i];
    if (pixels[i] <= 0 || counts[i] > expected + 4 * std::sqrt((expected + 1) * variance)) continue;
    background.counts += counts[i];
    background.pixels += pixels[i];
    if (sectors.pixels[i] < p.sector_pixels(i) || sectors.pixels[i + k_pairs] < p.sector_pixels(i + k_pairs))
      continue;
    const double rise =
        sectors.counts[i] / sectors.pixels[i] - sectors.counts[i + k_pairs] / sectors.pixels[i + k_pairs];
    const auto [row, col] = p.pair_direction[i];
    rr += row * row;
    rc += row * col;
    cc += col * col;
    r += row * rise;
    c += col * rise;
  }
  // Two directions at least, else a slope is not known.
  const double det = rr * cc - rc * rc;
  if (det > 1e-3 * (rr + cc) * (rr + cc)) {
    background.by_row = (cc * r - rc * c) / det;
    background.by_col = (rr * c - rc * r) / det;
  }
  return background;
}

// The disk's counts without pixels that no disk of these counts would have: hot ones and cosmic rays, at most
// two.
template <class Pixel>
double without_spikes(const Plan& p, const Pixel* centre, double on, double background, double variance) {
  std::array<double, 2> top{};
  for (const std::ptrdiff_t offset : p.disk) {
    double value = static_cast<double>(centre[offset]);
    for (double& kept : top)
      if (value > kept) std::swap(value, kept);
  }
  // What a pixel may hold, judged by all the others; round probes of few pixels peak up to twice above the
  // mean.
  const double others = std::max(1.0, static_cast<double>(p.disk.size()) - 2);
  const double usual = std::max((on - top[0] - top[1]) / others, background);
  const double most = 2 * usual + 4 * std::sqrt(usual * variance) + 3 * variance;
  for (const double value : top)
    if (value > most) on -= value - usual;
  return on;
}

// Peak of a hat-shaped profile through three points.
float hat(float before, float at, float after) {
  const float fall = at - std::min(before, after);
  return fall > 0 ? 0.5f * (after - before) / fall : 0.0f;
}

template <class Pixel>
void test_peak(const Plan& p, const Pixel* image, const std::int32_t* sums, const float* sharp, int row,
               int col, const Noise& noise, std::vector<Candidate>& candidates) {
  const auto stride = static_cast<std::ptrdiff_t>(p.stride);
  const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(p.origin) + row * stride + col;
  if (!p.centre_ok.empty() && !p.centre_ok[static_cast<std::size_t>(at)]) return;
  const double variance = noise.counted ? noise.per_count : local_noise(p, image, row, col, noise);
  const Background ring = judge_sectors(p, sum_sectors(p, image, row, col), variance);
  if (ring.pixels <= 0) return;
  const double per_pixel = ring.counts / ring.pixels;
  const double alpha = static_cast<double>(p.disk.size()) / ring.pixels;
  const float* peak = sharp + at;
  double on = static_cast<double>(sums[at]);
  if (li_ma(on / variance, ring.counts / variance, alpha) < p.threshold) return;
  const double trimmed = without_spikes(p, image + at, on, per_pixel, variance);
  if (trimmed < on) {
    on = trimmed;
    if (li_ma(on / variance, ring.counts / variance, alpha) < p.threshold) return;
  }
  // Diffuse scattering has humps that counting statistics do not know: a disk of little contrast must have an
  // edge, too.
  const double background = alpha * ring.counts;
  const double excess = on - background;
  if (excess < k_unsure_below * background) {
    const double humps = k_hump * background;
    if (excess < p.threshold * humps || static_cast<double>(*peak) < 0.5 * excess) return;
  }
  candidates.push_back({static_cast<float>(row) + hat(peak[-stride], *peak, peak[stride]),
                        static_cast<float>(col) + hat(peak[-1], *peak, peak[1]), static_cast<float>(excess),
                        static_cast<float>(per_pixel), static_cast<float>(ring.by_row),
                        static_cast<float>(ring.by_col), *peak});
}

template <class Pixel>
double search(const Plan& p, const Pixel* image, DiskSums<Pixel> disk_sums, FindPeaks find_peaks, double unit,
              SearchScratch& s) {
  const auto stride = static_cast<std::ptrdiff_t>(p.stride);
  const MapView<Pixel> view{image + p.origin, stride};
  const auto pad = static_cast<std::size_t>(p.pad);
  for (std::size_t row = 0; row < p.shape.rows; ++row)
    disk_sums(view, static_cast<std::ptrdiff_t>(row), p.runs(), p.shape.cols, s.columns.data() + pad,
              p.stride, s.sums.data() + p.origin + row * p.stride,
              s.sharp.data() + p.origin + row * p.stride);
  const Noise noise = p.config.variance_per_count > 0
                          ? Noise{std::max(p.config.variance_per_count / unit, 1e-6), 1, true}
                          : noise_of(p, image, s.noise);
  // The first test must not lose what the second, with the local noise, would keep.
  const double variance = noise.counted ? noise.per_count : std::max(1.0, noise.per_count / 4);
  PeakTest test;
  test.distance = p.pair_distance;
  test.diagonal = p.pair_diagonal;
  const double look = std::max(0.5, p.threshold - k_looser);
  test.variance = static_cast<float>(look * look * variance);
  test.min_sum = static_cast<std::int32_t>(std::min(1e9, std::max(3 * variance, p.config.min_counts / unit)));
  const MapView<std::int32_t> sums{s.sums.data() + p.origin, stride};
  const int last_row = static_cast<int>(p.shape.rows) - p.edge;
  const int last_col = static_cast<int>(p.shape.cols) - p.edge;
  s.candidates.clear();
  for (int row = p.edge; row < last_row && p.edge < last_col; ++row) {
    const std::size_t count =
        find_peaks(sums, {s.sharp.data() + p.origin, stride}, row, static_cast<std::size_t>(p.edge),
                   static_cast<std::size_t>(last_col), test, s.found.data(), s.found.size());
    for (std::size_t i = 0; i < count && s.candidates.size() < k_max_candidates; ++i)
      test_peak(p, image, s.sums.data(), s.sharp.data(), row, s.found[i], noise, s.candidates);
  }
  return noise.per_count;
}

}  // namespace

double find_candidates(const Plan& p, const WorkingFrame& frame, SearchScratch& s) noexcept {
  if (s.stride != p.stride || s.origin != p.origin || s.rows != p.shape.rows || s.sums.size() != p.cells) {
    s.stride = p.stride;
    s.origin = p.origin;
    s.rows = p.shape.rows;
    s.sums.assign(p.cells, 0);
    s.sharp.assign(p.cells, 0);
    s.columns.clear();
    s.found.assign(p.shape.cols, 0);
    s.noise.reserve(1024);
    s.candidates.reserve(k_max_candidates);
  }
  if (s.columns.size() < (p.levels.size() + 1) * p.stride + 64)
    s.columns.assign((p.levels.size() + 1) * p.stride + 64, 0);
  const DiskKernels& kernels = disk_kernels();
  const double variance =
      frame.wide ? search(p, frame.wide_image.data(), kernels.sums_u32, kernels.find_peaks, frame.unit, s)
                 : search(p, frame.narrow.data(), kernels.sums_u16, kernels.find_peaks, frame.unit, s);
  std::sort(s.candidates.begin(), s.candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.sharp != b.sharp) return a.sharp > b.sharp;
    return a.row != b.row ? a.row < b.row : a.col < b.col;
  });
  return variance;
}

}  // namespace bragglive::detail
