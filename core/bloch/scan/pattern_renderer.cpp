#include "core/bloch/scan/pattern_renderer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/bloch/scan/disk_stamps.hpp"
#include "core/bloch/scan/poisson_sampler.hpp"

namespace bragglive {
namespace {

constexpr double k_jitter_limit = 4;  // standard deviations; the background's margin must hold it

std::array<double, 2> scan_centre(const Calibration& c, ScanShape scan) {
  const double row = (scan.rows - 1) / 2.0, col = (scan.cols - 1) / 2.0;
  return {c.origin_row[0] + c.origin_row[1] * row + c.origin_row[2] * col,
          c.origin_col[0] + c.origin_col[1] * row + c.origin_col[2] * col};
}

// The plane is linear: its largest deviation from the centre is at a corner.
double largest_shift(const DetectorModel& d, ScanShape scan) {
  const auto& c = d.geometry;
  const auto span = [&](const std::array<double, 3>& p) {
    return std::abs(p[1]) * (scan.rows - 1) / 2.0 + std::abs(p[2]) * (scan.cols - 1) / 2.0;
  };
  return std::max(span(c.origin_row), span(c.origin_col)) + k_jitter_limit * d.origin_jitter_px;
}

std::uint32_t full_count(const DetectorModel& d) {
  std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  if (d.pixel == PixelType::u8) most = 0xff;
  if (d.pixel == PixelType::u16) most = 0xffff;
  return d.max_count == 0 ? most : std::min(most, d.max_count);
}

// The calibration's own map, so that the simulation and the live path can never disagree about a sign.
std::array<double, 4> pixels_from_q(const Calibration& c) {
  const PixelsToQ map(c);
  const auto zero = map.to_pixels({}, 0, 0), x = map.to_pixels({}, 1, 0), y = map.to_pixels({}, 0, 1);
  return {x[0] - zero[0], y[0] - zero[0], x[1] - zero[1], y[1] - zero[1]};
}

std::array<double, 4> inverse(const std::array<double, 4>& m) {
  const double d = m[0] * m[3] - m[1] * m[2];
  return {m[3] / d, -m[1] / d, -m[2] / d, m[0] / d};
}

DiskShape disk_shape(const DetectorModel& d, const std::array<double, 4>& to_pixels) {
  DiskShape shape;
  shape.radius_px = d.geometry.probe_radius_px;
  shape.edge_px = d.probe_edge_px;
  shape.point_spread_px = d.point_spread_px;
  shape.tail_share = d.point_spread_tail;
  shape.tail_px = d.point_spread_tail_px;
  for (std::size_t i = 0; i < 4; ++i) shape.distortion[i] = to_pixels[i] * d.geometry.pixel_size_inv_angstrom;
  return shape;
}

}  // namespace

struct PatternRenderer::Plan {
  DetectorModel detector;
  ScanShape scan;
  std::array<double, 4> to_pixels;  // row-major, 1/Å -> pixels from the origin
  DiskStamps stamps;
  DiffuseBackground background;
  PoissonSampler poisson;
  std::vector<std::uint32_t> blind;  // dead pixels and gaps
  std::uint32_t full = 0;

  template <class Count>
  void count(std::uint64_t key, std::span<const float> expected, std::byte* out) const noexcept;
};

Expected<PatternRenderer> PatternRenderer::create(DetectorModel detector, ScanShape scan,
                                                  const DiskSectors& sectors) {
  if (auto ok = validate(detector, scan); !ok) return tl::unexpected(ok.error());
  const auto to_pixels = pixels_from_q(detector.geometry);
  DiskStamps stamps(disk_shape(detector, to_pixels), sectors);
  DiffuseBackground background(detector, inverse(to_pixels), scan_centre(detector.geometry, scan),
                               largest_shift(detector, scan));
  DetectorModel blind_only = detector;
  blind_only.hot_pixels.clear();
  blind_only.geometry.masked_pixels.clear();
  auto blind = true_calibration(blind_only).masked_pixels;
  const std::uint32_t full = full_count(detector);
  return PatternRenderer(
      std::make_shared<const Plan>(Plan{std::move(detector), scan, to_pixels, std::move(stamps),
                                        std::move(background), PoissonSampler(), std::move(blind), full}));
}

const DetectorModel& PatternRenderer::detector() const {
  return plan_->detector;
}
ScanShape PatternRenderer::scan() const {
  return plan_->scan;
}

std::array<double, 2> PatternRenderer::origin(ScanPosition at, std::uint64_t seed) const noexcept {
  auto origin = plan_->detector.geometry.origin(at);
  const double sigma = plan_->detector.origin_jitter_px;
  if (sigma > 0) {
    CounterRandom random(random_key(seed, 2, index_of(plan_->scan, at)));
    for (double& value : origin)
      value += sigma * std::clamp(random.normal(), -k_jitter_limit, k_jitter_limit);
  }
  return origin;
}

void PatternRenderer::expected_counts(std::array<double, 2> origin, const PatternContent& content,
                                      Scratch& scratch) const noexcept {
  const FrameShape frame = plan_->detector.geometry.detector;
  scratch.expected.resize(frame.pixels());
  plan_->background.fill(origin, content.diffuse, scratch.expected);
  const auto& m = plan_->to_pixels;
  for (const WeightedSpots& crystal : content.crystals)
    for (const BraggPeak& spot : crystal.spots)
      plan_->stamps.add(crystal.sector, origin[0] + m[0] * spot.qx + m[1] * spot.qy,
                        origin[1] + m[2] * spot.qx + m[3] * spot.qy,
                        static_cast<float>(spot.intensity * crystal.electrons), frame, scratch.expected);
}

template <class Count>
void PatternRenderer::Plan::count(std::uint64_t key, std::span<const float> expected,
                                  std::byte* out) const noexcept {
  // Line by line through a small buffer: the caller's bytes may lie anywhere, also inside a message.
  constexpr std::size_t k_chunk = 1024;
  std::array<Count, k_chunk> buffer;
  for (std::size_t at = 0; at < expected.size(); at += k_chunk) {
    const std::size_t n = std::min(k_chunk, expected.size() - at);
    poisson.fill(expected.subspan(at, n), key + at * k_golden_gamma, full, std::span(buffer).first(n));
    std::memcpy(out + at * sizeof(Count), buffer.data(), n * sizeof(Count));
  }
  const Count nothing = 0;
  for (std::uint32_t pixel : blind)
    std::memcpy(out + std::size_t{pixel} * sizeof(Count), &nothing, sizeof nothing);
  for (std::size_t i = 0; i < detector.hot_pixels.size(); ++i) {
    const HotPixel& hot = detector.hot_pixels[i];
    CounterRandom random(random_key(key, 3, i));
    const double mean = static_cast<double>(expected[hot.pixel]) + hot.mean_counts;
    const auto value = static_cast<Count>(std::min(poisson.draw(mean, random), full));
    std::memcpy(out + std::size_t{hot.pixel} * sizeof(Count), &value, sizeof value);
  }
}

void PatternRenderer::render(ScanPosition at, std::uint64_t seed, const PatternContent& content,
                             Scratch& scratch, std::span<std::byte> frame) const noexcept {
  expected_counts(origin(at, seed), content, scratch);
  const std::uint64_t key = random_key(seed, 1, index_of(plan_->scan, at));
  switch (plan_->detector.pixel) {
    case PixelType::u8:
      return plan_->count<std::uint8_t>(key, scratch.expected, frame.data());
    case PixelType::u16:
      return plan_->count<std::uint16_t>(key, scratch.expected, frame.data());
    case PixelType::u32:
      return plan_->count<std::uint32_t>(key, scratch.expected, frame.data());
    case PixelType::f32:
      return;  // refused by validate()
  }
}

}  // namespace bragglive
