#include "core/detect/disk_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "core/detect/significance.hpp"

namespace bragglive {
namespace {

using Plan = DiskDetector::Plan;
constexpr double k_start_cells = 0.9;      // error of a start found between strong neighbours
constexpr double k_default_edge_px = 1.2;  // a sharp disk averaged over pixels, a little blurred

Expected<void> check(const DiskDetectorConfig& c, FrameShape shape) {
  const auto number = [](bool good, const char* what) -> Expected<void> {
    if (good) return {};
    return fail(ErrorArea::numeric, "disk detection: {}", what);
  };
  if (shape.rows == 0 || shape.cols == 0 || shape.rows > k_max_detector_side ||
      shape.cols > k_max_detector_side)
    return fail(ErrorArea::shape,
                "disk detection: a frame of {} x {} is not possible; sides go "
                "from 1 to {}",
                shape.rows, shape.cols, k_max_detector_side);
  if (!(std::isfinite(c.probe_radius_px) && c.probe_radius_px > 0.5))
    return fail(ErrorArea::numeric, "disk detection: probe radius {} px; it must be above 0.5",
                c.probe_radius_px);
  if (2 * c.probe_radius_px + 1 > std::min(shape.rows, shape.cols))
    return fail(ErrorArea::shape,
                "disk detection: a probe of radius {} px does not fit a frame "
                "of {} x {}",
                c.probe_radius_px, shape.rows, shape.cols);
  for (const std::uint32_t pixel : c.masked_pixels)
    if (pixel >= shape.pixels())
      return fail(ErrorArea::shape, "disk detection: masked pixel {} lies outside the {} x {} frame", pixel,
                  shape.rows, shape.cols);
  Expected<void> result = number(c.false_disks_per_frame > 0 && c.false_disks_per_frame <= 1e3,
                                 "false disks per frame must be above 0 and at most 1000");
  if (result)
    result = number(c.probe_edge_px >= 0 && c.probe_edge_px <= 100, "the probe's edge must be 0 to 100 px");
  if (result)
    result =
        number(c.min_counts >= 0 && std::isfinite(c.min_counts), "the minimum of counts must be 0 or more");
  if (result)
    result =
        number(c.min_relative >= 0 && c.min_relative < 1, "the relative minimum must lie in 0 to below 1");
  if (result)
    result =
        number(c.min_spacing_px >= 0 && std::isfinite(c.min_spacing_px), "the spacing must be 0 or more");
  if (result)
    result = number(c.variance_per_count >= 0 && std::isfinite(c.variance_per_count),
                    "the variance per count must be 0 or more");
  if (result)
    result = number(c.annular_inner_px >= 0 && c.annular_outer_px >= 0 && std::isfinite(c.annular_inner_px) &&
                        (c.annular_outer_px == 0 || c.annular_outer_px > c.annular_inner_px),
                    "the annular detector's radii must be 0 or more, the outer one above the inner one");
  if (result) result = number(c.max_disks > 0 && c.max_disks <= 100000, "the most disks must be 1 to 100000");
  return result;
}

std::vector<int> column_heights(double radius) {
  std::vector<int> heights;
  for (int d = 0; d <= static_cast<int>(radius); ++d)
    heights.push_back(static_cast<int>(std::sqrt(radius * radius - d * d)));
  return heights;
}

std::size_t pixels_of(const std::vector<int>& heights) {
  std::size_t pixels = 0;
  for (std::size_t d = 0; d < heights.size(); ++d)
    pixels += static_cast<std::size_t>(2 * heights[d] + 1) * (d == 0 ? 1 : 2);
  return pixels;
}

// Cells are as large as they can be without blurring the disk away: its radius
// is at least 1.5 of them.
int block_for(double radius, FrameShape shape) {
  int block = 1;
  while (block < 16 && radius / (2 * block) >= 1.45 && std::min(shape.rows, shape.cols) >= 32u * block)
    block *= 2;
  return block;
}

void plan_search(Plan& p) {
  constexpr double k_rim = 0.35;  // of a cell: takes in the disk's soft edge
  p.block = block_for(p.config.probe_radius_px, p.shape);
  const double radius = p.config.probe_radius_px / p.block;
  const auto cells = [&p](std::uint32_t side) {
    return static_cast<int>((side + static_cast<std::uint32_t>(p.block) - 1) /
                            static_cast<std::uint32_t>(p.block));
  };
  p.cell_rows = cells(p.shape.rows);
  p.cell_cols = cells(p.shape.cols);
  p.disk = column_heights(radius + k_rim);
  p.outer = column_heights(radius + k_rim + std::max(1.0, 0.4 * radius));
  p.disk_cells = static_cast<int>(pixels_of(p.disk));
  p.ring_cells = static_cast<int>(pixels_of(p.outer)) - p.disk_cells;
  p.ring_shift =
      std::max(0, static_cast<int>(std::lround(std::log2(static_cast<double>(p.ring_cells) / p.disk_cells))));
  p.cell_most = 32767 / std::max(p.disk_cells + p.ring_cells, 3 * p.disk_cells);
  p.pair_distance = static_cast<int>(std::lround(1.6 * radius + 1));
  p.pair_diagonal = static_cast<int>(std::ceil((1.6 * radius + 1) * std::numbers::sqrt2 / 2));

  constexpr std::size_t k_lanes = detail::k_cell_lanes;
  p.pad = std::max({p.pair_distance, p.pair_diagonal, p.outer[0], static_cast<int>(p.outer.size())}) + 1;
  const auto pad = static_cast<std::size_t>(p.pad);
  const std::size_t left = (pad + k_lanes - 1) / k_lanes * k_lanes;
  p.stride = (left + static_cast<std::size_t>(p.cell_cols) + pad + 2 * k_lanes) / k_lanes * k_lanes;
  p.origin = pad * p.stride + left;
  p.count = static_cast<std::size_t>(p.cell_rows + 2 * p.pad) * p.stride + 4 * k_lanes;
  const auto stride = static_cast<std::ptrdiff_t>(p.stride);
  const std::ptrdiff_t d = p.pair_distance;
  const std::ptrdiff_t g = p.pair_diagonal;
  p.pairs = {d, d * stride, g * stride + g, g * stride - g};
  const double far = 2.0 * p.pair_distance * p.block;
  const double across = 2.0 * p.pair_diagonal * p.block;
  p.pair_way = {{{0, far}, {far, 0}, {across, across}, {across, -across}}};
}

void plan_ring(Plan& p, double inner, double outer) {
  constexpr std::size_t k_directions = Plan::k_sectors / 2;
  std::array<std::vector<Plan::RingPixel>, Plan::k_sectors> sectors;
  const auto reach = static_cast<int>(outer);
  p.ring_reach = reach;
  for (int row = -reach; row <= reach; ++row)
    for (int col = -reach; col <= reach; ++col) {
      const double r = std::hypot(row, col);
      if (r < inner || r > outer) continue;
      const double turn = std::atan2(row, col) / (2 * std::numbers::pi) + 0.5;
      const std::size_t direction = static_cast<std::size_t>(turn * k_directions) % k_directions;
      const std::size_t zone = r < (inner + outer) / 2 ? 0 : 1;
      // Half of the directions first, in both zones, then their opposites in
      // the same order.
      const std::size_t half = k_directions / 2;
      const std::size_t sector = direction / half * (2 * half) + zone * half + direction % half;
      sectors[sector].push_back({row, col, static_cast<std::ptrdiff_t>(row) * p.shape.cols + col});
    }
  for (std::size_t i = 0; i < Plan::k_sectors; ++i) {
    p.sector_begin[i] = p.ring.size();
    p.ring.insert(p.ring.end(), sectors[i].begin(), sectors[i].end());
  }
  p.sector_begin[Plan::k_sectors] = p.ring.size();
}

// Each masked pixel becomes the mean of sound neighbours, from the rim of a
// masked region inwards. false: nothing is sound.
bool plan_patches(Plan& p) {
  std::vector<std::uint8_t> unknown(p.shape.pixels(), 0);
  for (const std::uint32_t pixel : p.config.masked_pixels) unknown[pixel] = 1;
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = 0; i < unknown.size(); ++i)
    if (unknown[i]) open.push_back(i);
  if (open.size() == unknown.size()) return false;
  while (!open.empty()) {
    std::vector<std::uint32_t> still;
    const std::size_t first_new = p.patches.size();
    for (const std::uint32_t pixel : open) {
      Plan::Patch patch{pixel, {}, 0};
      const std::uint32_t row = pixel / p.shape.cols;
      const std::uint32_t col = pixel % p.shape.cols;
      if (row > 0 && !unknown[pixel - p.shape.cols]) patch.from[patch.count++] = pixel - p.shape.cols;
      if (row + 1 < p.shape.rows && !unknown[pixel + p.shape.cols])
        patch.from[patch.count++] = pixel + p.shape.cols;
      if (col > 0 && !unknown[pixel - 1]) patch.from[patch.count++] = pixel - 1;
      if (col + 1 < p.shape.cols && !unknown[pixel + 1]) patch.from[patch.count++] = pixel + 1;
      if (patch.count > 0)
        p.patches.push_back(patch);
      else
        still.push_back(pixel);
    }
    for (std::size_t i = first_new; i < p.patches.size(); ++i) unknown[p.patches[i].pixel] = 0;
    open.swap(still);
  }
  return true;
}

void plan_mask(Plan& p) {
  if (p.config.masked_pixels.empty()) return;
  p.usable.assign(p.shape.pixels(), 1);
  for (const std::uint32_t pixel : p.config.masked_pixels) p.usable[pixel] = 0;
  // Masked pixels under a disk at each place: columns first, then rows of half
  // chords.
  const std::vector<int> disk = column_heights(p.config.probe_radius_px + 0.35);
  const auto rows = static_cast<int>(p.shape.rows);
  const auto cols = static_cast<int>(p.shape.cols);
  const auto disk_pixels = static_cast<int>(pixels_of(p.disk));
  std::vector<int> masked(p.shape.pixels(), 0);
  for (const std::uint32_t pixel : p.config.masked_pixels) {
    const int row = static_cast<int>(pixel / p.shape.cols);
    const int col = static_cast<int>(pixel % p.shape.cols);
    const auto reach = static_cast<int>(disk.size()) - 1;
    for (int c = std::max(0, col - reach); c <= std::min(cols - 1, col + reach); ++c) {
      const int height = disk[static_cast<std::size_t>(std::abs(c - col))];
      for (int r = std::max(0, row - height); r <= std::min(rows - 1, row + height); ++r)
        ++masked[static_cast<std::size_t>(r) * p.shape.cols + static_cast<std::size_t>(c)];
    }
  }
  p.centre_ok.resize(p.shape.pixels());
  for (std::size_t i = 0; i < masked.size(); ++i) p.centre_ok[i] = 10 * masked[i] <= 4 * disk_pixels;
}

// The reference way for a probe that is no soft-edged disk.
Expected<void> plan_shaped(Plan& p) {
  const ProbeImage& probe = p.config.probe;
  if (probe.empty()) return {};
  if (const auto good = validate(probe); !good) return good;
  const double likeness = disk_likeness(probe, p.config.probe_radius_px);
  if (likeness >= k_least_disk_likeness) return {};
  auto shaped = ShapedProbe::create(probe,
                                    {p.config.probe_radius_px, p.spacing, static_cast<std::uint32_t>(p.edge),
                                     p.config.max_disks, p.threshold},
                                    p.shape);
  if (!shaped) return tl::unexpected(shaped.error());
  p.shaped.emplace(std::move(*shaped));
  p.slow_reason = fmt::format(
      "the probe is no evenly lit disk (likeness {:.2f}, fast detection needs {:.2f}): its disks are found "
      "by "
      "Fourier correlation with its image, at some hundred patterns a second and core",
      likeness, k_least_disk_likeness);
  return {};
}

}  // namespace

Expected<DiskDetector> DiskDetector::create(const DiskDetectorConfig& config, FrameShape shape) {
  if (const auto good = check(config, shape); !good) return tl::unexpected(good.error());
  auto plan = std::make_unique<Plan>();
  Plan& p = *plan;
  p.config = config;
  p.shape = shape;
  const double radius = config.probe_radius_px;
  if (!detail::has(config.instruction_set))
    return fail(ErrorArea::numeric,
                "disk detection: this processor lacks the "
                "instruction set that was asked for");
  p.kernels = &detail::search_kernels(config.instruction_set);
  plan_search(p);
  p.fitter = detail::DiskFitter(radius, config.probe_edge_px > 0 ? config.probe_edge_px : k_default_edge_px,
                                k_start_cells * p.block, config.instruction_set);
  plan_ring(p, radius + 1.5, radius + 1.5 + std::max(3.0, 0.8 * radius));
  p.edge = config.edge_px ? static_cast<int>(std::min<std::uint32_t>(config.edge_px, k_max_detector_side))
                          : static_cast<int>(std::ceil(radius));
  p.spacing = config.min_spacing_px > 0 ? config.min_spacing_px : std::max(3.0, 1.5 * radius);
  // Disks that overlap share their noise: noise finds eight independent places on a disk's area.
  const double trials =
      static_cast<double>(shape.pixels()) / std::max(1.0, std::numbers::pi * radius * radius / 8);
  p.threshold = detail::normal_quantile_above(std::min(0.5, config.false_disks_per_frame / trials));
  p.events = detail::EventSearch(shape, radius, p.edge, p.threshold, config.instruction_set);
  if (!plan_patches(p))
    return fail(ErrorArea::shape, "disk detection: the mask covers the whole {} x {} frame", shape.rows,
                shape.cols);
  plan_mask(p);
  if (const auto planned = plan_shaped(p); !planned) return tl::unexpected(planned.error());
  return DiskDetector(std::unique_ptr<const Plan>(std::move(plan)));
}

DiskDetector::DiskDetector(std::unique_ptr<const Plan> plan) : plan_(std::move(plan)) {}
DiskDetector::DiskDetector(DiskDetector&&) noexcept = default;
DiskDetector& DiskDetector::operator=(DiskDetector&&) noexcept = default;
DiskDetector::~DiskDetector() = default;
const DiskDetectorConfig& DiskDetector::config() const {
  return plan_->config;
}
const std::string& DiskDetector::slow_reason() const {
  return plan_->slow_reason;
}
FrameShape DiskDetector::shape() const {
  return plan_->shape;
}

}  // namespace bragglive
