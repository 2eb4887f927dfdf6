#include "core/detect/disk_plan.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/detect/significance.hpp"

namespace bragglive {
namespace {

using Plan = DiskDetector::Plan;
constexpr double k_default_edge_px = 1.2;  // a sharp disk averaged over pixels, a little blurred

Expected<void> check(const DiskDetectorConfig& c, FrameShape shape) {
  const auto number = [](bool good, const char* what) -> Expected<void> {
    if (good) return {};
    return fail(ErrorArea::numeric, "disk detection: {}", what);
  };
  if (shape.rows == 0 || shape.cols == 0 || shape.rows > k_max_detector_side ||
      shape.cols > k_max_detector_side)
    return fail(ErrorArea::shape, "disk detection: a frame of {} x {} is not possible; sides go from 1 to {}",
                shape.rows, shape.cols, k_max_detector_side);
  if (!(std::isfinite(c.probe_radius_px) && c.probe_radius_px > 0.5))
    return fail(ErrorArea::numeric, "disk detection: probe radius {} px; it must be above 0.5",
                c.probe_radius_px);
  if (2 * c.probe_radius_px + 1 > std::min(shape.rows, shape.cols))
    return fail(ErrorArea::shape, "disk detection: a probe of radius {} px does not fit a frame of {} x {}",
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

void plan_disk(Plan& p, double disk_radius, double outer_radius) {
  const std::vector<int> disk = column_heights(disk_radius);
  const std::vector<int> outer = column_heights(outer_radius);
  p.levels = disk;
  p.levels.insert(p.levels.end(), outer.begin(), outer.end());
  std::sort(p.levels.begin(), p.levels.end());
  p.levels.erase(std::unique(p.levels.begin(), p.levels.end()), p.levels.end());
  const auto level = [&p](int height) {
    return static_cast<int>(std::lower_bound(p.levels.begin(), p.levels.end(), height) - p.levels.begin());
  };
  for (const int height : disk) p.disk_levels.push_back(level(height));
  for (const int height : outer) p.outer_levels.push_back(level(height));
  const std::size_t disk_pixels = pixels_of(disk);
  p.ring_weight = static_cast<float>(disk_pixels) / static_cast<float>(pixels_of(outer) - disk_pixels);
  for (std::size_t d = 0; d < disk.size(); ++d) {
    const auto col = static_cast<std::ptrdiff_t>(d);
    for (std::ptrdiff_t row = -disk[d]; row <= disk[d]; ++row) {
      p.disk.push_back(row * static_cast<std::ptrdiff_t>(p.stride) + col);
      if (d > 0) p.disk.push_back(row * static_cast<std::ptrdiff_t>(p.stride) - col);
    }
  }
}

void plan_ring(Plan& p, double inner, double outer) {
  constexpr std::size_t k_directions = Plan::k_sectors / 2;
  std::array<std::vector<Plan::RingPixel>, Plan::k_sectors> sectors;
  p.ring_reach = static_cast<int>(outer);
  for (int row = -p.ring_reach; row <= p.ring_reach; ++row)
    for (int col = -p.ring_reach; col <= p.ring_reach; ++col) {
      const double r = std::hypot(row, col);
      if (r < inner || r > outer) continue;
      const double turn = std::atan2(row, col) / (2 * std::numbers::pi) + 0.5;
      const std::size_t direction = static_cast<std::size_t>(turn * k_directions) % k_directions;
      const std::size_t zone = r < (inner + outer) / 2 ? 0 : 1;
      // Half of the directions first, in both zones, then their opposites in the same order.
      const std::size_t half = k_directions / 2;
      const std::size_t sector = direction / half * (2 * half) + zone * half + direction % half;
      sectors[sector].push_back({row, col});
    }
  for (std::size_t i = 0; i < Plan::k_sectors; ++i) {
    p.sector_begin[i] = p.ring.size();
    p.ring.insert(p.ring.end(), sectors[i].begin(), sectors[i].end());
  }
  p.sector_begin[Plan::k_sectors] = p.ring.size();
  for (const Plan::RingPixel& at : p.ring)
    p.ring_offsets.push_back(at.row * static_cast<std::int32_t>(p.stride) + at.col);
  const auto middle = [&](std::size_t sector) {
    std::array<double, 2> sum{};
    for (const Plan::RingPixel& at : sectors[sector]) {
      sum[0] += at.row / static_cast<double>(sectors[sector].size());
      sum[1] += at.col / static_cast<double>(sectors[sector].size());
    }
    return sum;
  };
  for (std::size_t i = 0; i < p.pair_direction.size(); ++i) {
    const auto here = middle(i);
    const auto there = middle(i + p.pair_direction.size());
    p.pair_direction[i] = {here[0] - there[0], here[1] - there[1]};
  }
}

// Each masked pixel becomes the mean of sound neighbours, from the rim of a masked region inwards. false:
// nothing is sound.
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
  p.usable.assign(p.cells, 0);
  p.centre_ok.assign(p.cells, 0);
  for (std::size_t row = 0; row < p.shape.rows; ++row)
    std::fill_n(p.usable.begin() + static_cast<std::ptrdiff_t>(p.origin + row * p.stride), p.shape.cols,
                std::uint8_t{1});
  for (const std::uint32_t pixel : p.config.masked_pixels)
    p.usable[p.origin + pixel / p.shape.cols * p.stride + pixel % p.shape.cols] = 0;
  for (std::size_t row = 0; row < p.shape.rows; ++row)
    for (std::size_t col = 0; col < p.shape.cols; ++col) {
      const std::uint8_t* at = p.usable.data() + p.origin + row * p.stride + col;
      std::size_t sound = 0;
      for (const std::ptrdiff_t offset : p.disk) sound += at[offset];
      p.centre_ok[p.origin + row * p.stride + col] = 10 * sound >= 6 * p.disk.size();
    }
}

}  // namespace

Expected<DiskDetector> DiskDetector::create(const DiskDetectorConfig& config, FrameShape shape) {
  if (const auto good = check(config, shape); !good) return tl::unexpected(good.error());
  auto plan = std::make_unique<Plan>();
  Plan& p = *plan;
  p.config = config;
  p.shape = shape;
  const double radius = config.probe_radius_px;
  p.fitter = detail::DiskFitter(radius, config.probe_edge_px > 0 ? config.probe_edge_px : k_default_edge_px);
  const double ring_inner = radius + 1.5;
  const double ring_outer = ring_inner + std::max(3.0, 0.8 * radius);
  p.pair_distance = static_cast<int>(std::lround(1.6 * radius + 1));
  p.pair_diagonal = static_cast<int>(std::lround((1.6 * radius + 1) * std::numbers::sqrt2 / 2));
  // Windows may hang over the border by their whole half, rings by their reach.
  p.pad = std::max(p.fitter.templates().half() + 1, static_cast<int>(ring_outer)) + 1;
  const std::size_t lanes = detail::k_vector_lanes;
  p.stride = (shape.cols + lanes - 1) / lanes * lanes + 2 * static_cast<std::size_t>(p.pad) + lanes;
  p.stride = (p.stride + lanes - 1) / lanes * lanes;
  p.origin = static_cast<std::size_t>(p.pad) * (p.stride + 1);
  p.cells = (shape.rows + 2 * static_cast<std::size_t>(p.pad) + 1) * p.stride + 8 * lanes;
  plan_disk(p, radius + 0.35, radius + 0.35 + std::max(2.0, 0.3 * radius));
  plan_ring(p, ring_inner, ring_outer);
  p.edge = config.edge_px ? static_cast<int>(std::min<std::uint32_t>(config.edge_px, k_max_detector_side))
                          : static_cast<int>(std::ceil(radius));
  p.spacing = config.min_spacing_px > 0 ? config.min_spacing_px : std::max(3.0, 1.5 * radius);
  p.threshold = detail::normal_quantile_above(
      std::min(0.5, config.false_disks_per_frame / static_cast<double>(shape.pixels())));
  if (!plan_patches(p))
    return fail(ErrorArea::shape, "disk detection: the mask covers the whole {} x {} frame", shape.rows,
                shape.cols);
  plan_mask(p);
  return DiskDetector(std::unique_ptr<const Plan>(std::move(plan)));
}

DiskDetector::DiskDetector(std::unique_ptr<const Plan> plan) : plan_(std::move(plan)) {}
DiskDetector::DiskDetector(DiskDetector&&) noexcept = default;
DiskDetector& DiskDetector::operator=(DiskDetector&&) noexcept = default;
DiskDetector::~DiskDetector() = default;
const DiskDetectorConfig& DiskDetector::config() const {
  return plan_->config;
}
FrameShape DiskDetector::shape() const {
  return plan_->shape;
}

}  // namespace bragglive
