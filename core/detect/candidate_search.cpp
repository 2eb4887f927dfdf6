#include "core/detect/candidate_search.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/detect/disk_plan.hpp"
#include "core/detect/significance.hpp"

namespace bragglive::detail {
namespace {

using Plan = DiskDetector::Plan;
constexpr std::size_t k_max_candidates = 4096;  // bounds the work on a frame that is all noise
constexpr double k_unsure_below = 0.4;          // excess over background under which humps are thought of
constexpr double k_hump = 0.02;                 // their standard deviation over the background
// Part of the threshold that a disk keeps at worst in the rough tests: cells do
// not meet its centre.
constexpr double k_rough = 0.72;

constexpr double k_handful = 12;  // counts

struct Background {
  float counts = 0;  // in the disks that are used
  float cells = 0;
  float by_row = 0, by_col = 0;  // slope, counts per cell and pixel
};

// The disk sums in four opposite pairs around: together, so that a slope
// cancels; pairs that hold another disk stand out from the lowest and are left
// out.
Background background_at(const Plan& p, const Cell* at, float unit, float variance) {
  std::array<float, 4> before{};
  std::array<float, 4> after{};
  float lowest = 1e30f;
  for (std::size_t i = 0; i < 4; ++i) {
    before[i] = static_cast<float>(at[-p.pairs[i]]) * unit;
    after[i] = static_cast<float>(at[p.pairs[i]]) * unit;
    lowest = std::min(lowest, before[i] + after[i]);
  }
  const float most = lowest + 4 * std::sqrt((lowest + 1) * variance);
  Background background;
  float rr = 0, rc = 0, cc = 0, r = 0, c = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    if (before[i] + after[i] > most) continue;
    background.counts += before[i] + after[i];
    background.cells += static_cast<float>(2 * p.disk_cells);
    const auto row = static_cast<float>(p.pair_way[i][0]);
    const auto col = static_cast<float>(p.pair_way[i][1]);
    const float rise = after[i] - before[i];
    rr += row * row;
    rc += row * col;
    cc += col * col;
    r += row * rise;
    c += col * rise;
  }
  // Two directions at least, else a slope is not known.
  const float det = rr * cc - rc * rc;
  if (det > 1e-3f * (rr + cc) * (rr + cc)) {
    background.by_row = (cc * r - rc * c) / det / static_cast<float>(p.disk_cells);
    background.by_col = (rr * c - rc * r) / det / static_cast<float>(p.disk_cells);
  }
  return background;
}

// What a background that falls off in a curve has more under a disk than beside it, in counts, from pairs of
// disks twice as far away: a parabola falls by as much to the near ones as by a third between near and far
// ones.
float curved_background(const Plan& p, const Cell* sums, int row, int col, float unit) {
  float sum = 0;
  int known = 0;
  constexpr int k_ways[4][2] = {{0, 1}, {1, 0}, {1, 1}, {1, -1}};
  for (std::size_t i = 0; i < 4; ++i) {
    const int step = i < 2 ? p.pair_distance : p.pair_diagonal;
    const int down = 2 * step * k_ways[i][0];
    const int right = 2 * step * std::abs(k_ways[i][1]);
    if (row < down || col < right || row + down >= p.cell_rows || col + right >= p.cell_cols) continue;
    const Cell* at =
        sums + static_cast<std::ptrdiff_t>(p.origin) + row * static_cast<std::ptrdiff_t>(p.stride) + col;
    const int near = at[-p.pairs[i]] + at[p.pairs[i]];
    const int far = at[-2 * p.pairs[i]] + at[2 * p.pairs[i]];
    sum += static_cast<float>(std::max(0, near - far));
    ++known;
  }
  return known ? sum * unit / static_cast<float>(6 * known) : 0;
}

// What is known from farther away, less the more counts are near: there the background may be curved.
void add_wide(float per_cell, float disk_cells, Background& background) {
  constexpr float k_disks = 24;
  constexpr float k_enough = 30;  // counts
  const float cells = k_disks * disk_cells * std::max(0.0f, 1 - background.counts / k_enough);
  background.counts += per_cell * cells;
  background.cells += cells;
}

// Peak of a hat-shaped profile through three points.
float hat(int before, int at, int after) {
  const int fall = at - std::min(before, after);
  return fall > 0 ? 0.5f * static_cast<float>(after - before) / static_cast<float>(fall) : 0.0f;
}

// Significance without logarithms: square roots make the variance of counts the
// same everywhere.
double rough_significance(double on, double off, double alpha) {
  return 2 * (std::sqrt(on + 0.375) - std::sqrt(alpha * off + 0.375)) / std::sqrt(1 + alpha);
}

// A disk sum from which some of its cells may have been clamped.
int clamped_from(const Plan& p) {
  return p.disk_cells * p.cell_most / 5 * 3;
}

void test_cell(const Plan& p, const ReducedFrame& frame, int row, int col, double variance,
               SearchScratch& s) {
  const Cell* sums = s.sums.data();
  const Cell* sharp = s.sharp.data();
  const auto stride = static_cast<std::ptrdiff_t>(p.stride);
  const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(p.origin) + row * stride + col;
  const auto unit = static_cast<float>(frame.unit);
  Background ring = background_at(p, sums + at, unit, static_cast<float>(variance));
  const auto disk_cells = static_cast<float>(p.disk_cells);
  if (s.wide.used()) add_wide(s.wide.at(row, col), disk_cells, ring);
  const float alpha = disk_cells / ring.cells;
  const float on = static_cast<float>(sums[at]) * unit;
  const double z = rough_significance(on / variance, ring.counts / variance, static_cast<double>(alpha));
  // Roots are no measure of a handful of counts.
  const bool few = on < k_handful * variance;
  const double least = k_rough * p.threshold;
  if (few ? li_ma(on / variance, ring.counts / variance, static_cast<double>(alpha)) < least : z < least)
    return;
  const Cell* peak = sharp + at;
  const auto block = static_cast<float>(p.block);
  const float per_cell = ring.counts / ring.cells;
  DiskFit fit;
  fit.row = (static_cast<float>(row) + hat(peak[-stride], *peak, peak[stride]) + 0.5f) * block - 0.5f;
  fit.col = (static_cast<float>(col) + hat(peak[-1], *peak, peak[1]) + 0.5f) * block - 0.5f;
  fit.background = per_cell / (block * block);
  fit.by_row = ring.by_row / (block * block);
  fit.by_col = ring.by_col / (block * block);
  fit.height = (on - alpha * ring.counts) / static_cast<float>(p.fitter.templates().area());
  // The scaled ring does not weigh as much as the disk: what a flat background
  // leaves is put right.
  const float left_over =
      disk_cells - static_cast<float>(p.ring_cells) / static_cast<float>(1 << p.ring_shift);
  fit.sharp = static_cast<float>(*peak) * unit - left_over * per_cell;
  fit.curved = curved_background(p, sums, row, col, unit);
  // Large units round the background away; then the fit's own has to do.
  if (frame.shift == 0) {
    fit.off_counts = ring.counts;
    fit.off_pixels = ring.cells * block * block;
  }
  s.candidates.push_back(fit);
}

// The disk's counts without pixels that no disk of these counts would have: hot
// ones and cosmic rays, at most two.
double without_spikes(const DiskPixels& on, double background, double variance) {
  // What a pixel may hold, judged by all the others; round probes of few pixels
  // peak up to twice above the mean.
  const double counts = static_cast<double>(on.counts);
  const std::array<double, 2> top{static_cast<double>(on.top), static_cast<double>(on.second)};
  const double others = std::max(1.0, static_cast<double>(on.pixels) - 2);
  const double usual = std::max((counts - top[0] - top[1]) / others, background);
  const double most = 2 * usual + 4 * std::sqrt(usual * variance) + 3 * variance;
  double kept = counts;
  for (const double value : top)
    if (value > most) kept -= value - usual;
  return kept;
}

// One pass over rows of cells: candidates whose disk sums (cells' units) lie from `least` on, not clamped
// ones. Disk sums are made for a margin of rows more on either side.
void search(const Plan& p, const ReducedFrame& frame, int first_row, int last_row, double least,
            SearchScratch& s) {
  const int first_sum = std::max(0, first_row - p.pad);
  const int last_sum = std::min(p.cell_rows - 1, last_row + p.pad);
  const std::size_t first_at = p.origin + static_cast<std::size_t>(first_sum) * p.stride;
  p.kernels->disk_sums(
      {frame.cells.data() + first_at, p.stride, static_cast<std::size_t>(last_sum - first_sum + 1),
       static_cast<std::size_t>(p.cell_cols), s.columns.data(), p.stride + k_cell_lanes,
       s.sums.data() + first_at, s.sharp.data() + first_at},
      p.runs());
  mirror_margin(p, s.sums.data());
  const Noise& noise = frame.noise;
  // The rough tests must not lose what the strict one, with the local noise, would keep.
  const double variance = noise.counted ? noise.per_count : std::max(1.0, noise.per_count / 4);
  PeakTest test;
  test.distance = p.pair_distance;
  test.diagonal = p.pair_diagonal;
  const double look = std::max(0.5, k_rough * p.threshold);
  test.variance = static_cast<float>(look * look * variance / frame.unit);
  const double few =
      std::max((s.wide.few() ? 2 : 3) * variance, 0.5 * p.config.min_counts * frame.factor) / frame.unit;
  test.min_sum = static_cast<Cell>(std::clamp(std::max(few, least), 1.0, 32000.0));
  const int most = frame.clamped ? clamped_from(p) : 32767;
  const int edge = p.edge / p.block;
  const int end_row = (static_cast<int>(p.shape.rows) - p.edge + p.block - 1) / p.block;
  const int end_col = (static_cast<int>(p.shape.cols) - p.edge + p.block - 1) / p.block;
  for (int row = std::max(edge, first_row); row < std::min(end_row, last_row + 1) && edge < end_col; ++row) {
    const std::size_t at = p.origin + static_cast<std::size_t>(row) * p.stride;
    const std::size_t count =
        p.kernels->find_peaks(s.sums.data() + at, s.sharp.data() + at, static_cast<std::ptrdiff_t>(p.stride),
                              static_cast<std::size_t>(edge), static_cast<std::size_t>(end_col), test,
                              s.found.data(), s.found.size());
    for (std::size_t i = 0; i < count && s.candidates.size() < k_max_candidates; ++i)
      if (s.sums.data()[at + s.found[i]] <= most) test_cell(p, frame, row, s.found[i], variance, s);
  }
}

}  // namespace

void find_candidates(const Plan& p, PixelType type, ReducedFrame& frame, SearchScratch& s) noexcept {
  constexpr int k_step = 4;  // bits: what is clamped in one pass is well resolved in the next
  if (s.sums.size() != p.count || s.found.size() < static_cast<std::size_t>(p.cell_cols)) {
    s.sums.clear(p.count);
    s.sharp.clear(p.count);
    s.found.assign(static_cast<std::size_t>(p.cell_cols), 0);
    s.candidates.reserve(k_max_candidates);
    s.ranks.reserve(k_max_candidates);
  }
  const std::size_t columns = static_cast<std::size_t>(p.outer[0] + 1) * (p.stride + k_cell_lanes);
  if (s.columns.size() < columns) s.columns.clear(columns);
  s.candidates.clear();
  s.wide.find(p, frame);
  search(p, frame, 0, p.cell_rows - 1, 0, s);
  while (frame.clamped && frame.shift < 32) {
    // Bright disks that are clamped somewhere have their centres in these rows or beside them.
    const int first = std::max(0, frame.bright_first - p.pad);
    const int last = std::min(p.cell_rows - 1, frame.bright_last + p.pad);
    reduce_again(p, type, frame.shift + k_step, std::max(0, first - 2 * p.pad),
                 std::min(p.cell_rows - 1, last + 2 * p.pad), frame);
    search(p, frame, first, last, 0.7 * clamped_from(p) / (1 << k_step), s);
  }
  s.ranks.clear();
  for (const DiskFit& fit : s.candidates)
    s.ranks.push_back({fit.sharp, fit.row, fit.col, static_cast<std::uint32_t>(s.ranks.size())});
  sort_ranks(s);
}

void sort_ranks(SearchScratch& s) noexcept {
  using Rank = SearchScratch::Rank;
  std::sort(s.ranks.begin(), s.ranks.end(), [](const Rank& a, const Rank& b) {
    if (a.sharp != b.sharp) return a.sharp > b.sharp;
    return a.row != b.row ? a.row < b.row : a.col < b.col;
  });
}

bool is_disk(const Plan& p, const DiskFit& fit, double variance) noexcept {
  const double pixels = static_cast<double>(fit.on.pixels);
  if (!(pixels > 0)) return false;
  const bool own = !(fit.off_pixels > 0);
  const double off_pixels = own ? 2 * pixels : static_cast<double>(fit.off_pixels);
  const double off =
      own ? static_cast<double>(fit.background) * off_pixels : static_cast<double>(fit.off_counts);
  const double alpha = pixels / off_pixels;
  const double background = alpha * off;
  const double on = without_spikes(fit.on, background / pixels, variance);
  const double excess = on - background;
  // The fit has a background of its own, from the pixels next to the disk.
  const double certainty =
      fit.height_sigma > 0 ? static_cast<double>(fit.height / fit.height_sigma) / std::sqrt(variance) : 0;
  const bool spiked = on < static_cast<double>(fit.on.counts);
  const bool certain = certainty >= p.threshold && !spiked;
  if (!fit.placed && !certain && certainty < 0.6 * std::sqrt(std::max(excess, 0.0) / variance)) return false;
  // The search on single electrons has judged it, unless hot pixels helped.
  if (fit.placed && !spiked) return fit.significance >= p.threshold;
  // Where the background is curved the disks around are not its measure, and the fit's counts for more.
  const double needed = certain ? k_rough * p.threshold : p.threshold;
  if (rough_significance(on / variance, off / variance, alpha) < 2 * needed &&
      li_ma(on / variance, off / variance, alpha) < needed)
    return false;
  // Diffuse scattering has humps that counting statistics do not know: a disk
  // of little contrast must have an edge, too.
  if (excess >= k_unsure_below * background) return true;
  const double straight = excess - static_cast<double>(fit.curved);
  return straight >= p.threshold * k_hump * background && static_cast<double>(fit.sharp) >= 0.5 * excess;
}

}  // namespace bragglive::detail
