#include "core/detect/disk_detector.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <span>

#include "core/detect/disk_kernels.hpp"
#include "core/detect/disk_refiner.hpp"
#include "core/detect/significance.hpp"

namespace bragglive {

using detail::DiskFit;

struct DiskDetector::Plan {
  DiskDetectorConfig config;
  FrameShape shape;
  detail::ProbeShape probe;
  std::vector<int> half_widths;  // of the disk's rows, from top to bottom
  std::size_t disk_pixels = 0;
  int pad = 0;  // rows and columns of zeros around the maps
  std::size_t stride = 0;
  int edge = 0;
  double spacing = 0;
  double threshold = 0;  // standard deviations
  int pair_distance = 0;
  struct RingPixel {
    int row, col, sector;
  };
  std::vector<RingPixel> ring;
  struct Patch {
    std::uint32_t pixel;                // row * cols + col
    std::array<std::uint32_t, 4> from;  // sound (or already replaced) pixels around it
    std::uint32_t count;
  };
  std::vector<Patch> patches;  // in an order in which every source is ready
};

namespace {

constexpr int k_sectors = 8;
constexpr std::size_t k_max_candidates = 8192;

struct Candidate {
  int row, col;
  float counts;      // above the local background
  float background;  // counts per pixel
};

}  // namespace

struct DiskDetector::Scratch::Data {
  std::vector<std::uint32_t> image, prefix, sums;
  std::vector<std::uint8_t> flags;
  std::vector<Candidate> candidates;
  std::vector<DiskFit> fits;
  FrameShape shape;
  std::size_t stride = 0;
};

DiskDetector::Scratch::Scratch() : data(std::make_unique<Data>()) {}
DiskDetector::Scratch::~Scratch() = default;
DiskDetector::Scratch::Scratch(Scratch&&) noexcept = default;
DiskDetector::Scratch& DiskDetector::Scratch::operator=(Scratch&&) noexcept = default;

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

namespace {

Expected<void> check(const DiskDetectorConfig& c, FrameShape shape) {
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
  if (!(c.false_disks_per_frame > 0 && c.false_disks_per_frame <= 1e3))
    return fail(ErrorArea::numeric,
                "disk detection: false disks per frame {}; it must be above 0 and at most 1000",
                c.false_disks_per_frame);
  if (!(c.min_counts >= 0) || !(c.min_relative >= 0 && c.min_relative < 1) || !(c.min_spacing_px >= 0))
    return fail(ErrorArea::numeric,
                "disk detection: minimum counts, relative minimum (below 1) and spacing must be 0 or more");
  if (c.max_disks == 0) return fail(ErrorArea::numeric, "disk detection: at least one disk must be allowed");
  for (const std::uint32_t pixel : c.masked_pixels)
    if (pixel >= shape.pixels())
      return fail(ErrorArea::shape, "disk detection: masked pixel {} lies outside the {} x {} frame", pixel,
                  shape.rows, shape.cols);
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
  p.probe = detail::ProbeShape(radius, 1.0);
  const double sum_radius = radius + 0.35;
  for (int dy = -static_cast<int>(sum_radius); dy <= static_cast<int>(sum_radius); ++dy) {
    p.half_widths.push_back(static_cast<int>(std::sqrt(sum_radius * sum_radius - dy * dy)));
    p.disk_pixels += static_cast<std::size_t>(2 * p.half_widths.back() + 1);
  }
  p.pair_distance = static_cast<int>(std::ceil(2 * radius + 1));
  p.pad = std::max(p.pair_distance, static_cast<int>(sum_radius) + 1) + 1;
  p.stride = (shape.cols + 2 * static_cast<std::size_t>(p.pad) + 63) / 64 * 64 + 64;
  p.edge = config.edge_px ? static_cast<int>(config.edge_px) : static_cast<int>(std::ceil(radius));
  p.spacing = config.min_spacing_px > 0 ? config.min_spacing_px : std::max(3.0, 1.5 * radius);
  p.threshold = detail::normal_quantile_above(
      std::min(0.5, config.false_disks_per_frame / static_cast<double>(shape.pixels())));
  const double ring_in = radius + 1.5;
  const double ring_out = ring_in + std::max(2.0, 0.6 * radius);
  for (int dy = -static_cast<int>(ring_out); dy <= static_cast<int>(ring_out); ++dy)
    for (int dx = -static_cast<int>(ring_out); dx <= static_cast<int>(ring_out); ++dx) {
      const double r = std::hypot(dy, dx);
      if (r < ring_in || r > ring_out) continue;
      const double turn = (std::atan2(dy, dx) + std::numbers::pi) / (2 * std::numbers::pi);
      p.ring.push_back({dy, dx, std::min(k_sectors - 1, static_cast<int>(turn * k_sectors))});
    }

  std::vector<std::uint8_t> unknown(shape.pixels(), 0);
  for (const std::uint32_t pixel : config.masked_pixels) unknown[pixel] = 1;
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = 0; i < unknown.size(); ++i)
    if (unknown[i]) open.push_back(i);
  if (open.size() == shape.pixels())
    return fail(ErrorArea::shape, "disk detection: the mask covers the whole {} x {} frame", shape.rows,
                shape.cols);
  while (!open.empty()) {  // from the rim of each masked patch inwards
    std::vector<std::uint32_t> still;
    const std::size_t first_new = p.patches.size();
    for (const std::uint32_t pixel : open) {
      Plan::Patch patch{pixel, {}, 0};
      const std::uint32_t row = pixel / shape.cols;
      const std::uint32_t col = pixel % shape.cols;
      if (row > 0 && !unknown[pixel - shape.cols]) patch.from[patch.count++] = pixel - shape.cols;
      if (row + 1 < shape.rows && !unknown[pixel + shape.cols])
        patch.from[patch.count++] = pixel + shape.cols;
      if (col > 0 && !unknown[pixel - 1]) patch.from[patch.count++] = pixel - 1;
      if (col + 1 < shape.cols && !unknown[pixel + 1]) patch.from[patch.count++] = pixel + 1;
      if (patch.count > 0)
        p.patches.push_back(patch);
      else
        still.push_back(pixel);
    }
    for (std::size_t i = first_new; i < p.patches.size(); ++i) unknown[p.patches[i].pixel] = 0;
    open.swap(still);
  }
  return DiskDetector(std::unique_ptr<const Plan>(std::move(plan)));
}

namespace {

// Copies the frame into unsigned counts. Floats are rounded after scaling; returns what to multiply counts
// with.
template <class Pixel>
double load(const FrameView& frame, std::size_t stride, std::uint32_t* image, double scale) {
  const auto* bytes = static_cast<const std::byte*>(frame.pixels);
  for (std::size_t row = 0; row < frame.shape.rows; ++row) {
    const std::byte* line = bytes + row * frame.shape.cols * sizeof(Pixel);
    std::uint32_t* out = image + row * stride;
    for (std::size_t col = 0; col < frame.shape.cols; ++col) {
      Pixel value;
      std::memcpy(&value, line + col * sizeof(Pixel), sizeof value);
      if constexpr (sizeof(Pixel) <= 2)
        out[col] = value;
      else
        out[col] = value > 0 ? static_cast<std::uint32_t>(static_cast<double>(value) * scale + 0.5) : 0;
    }
  }
  return 1 / scale;
}

template <class Pixel>
double largest(const FrameView& frame) {
  const auto* bytes = static_cast<const std::byte*>(frame.pixels);
  Pixel most = 0;
  for (std::size_t i = 0; i < frame.shape.pixels(); ++i) {
    Pixel value;
    std::memcpy(&value, bytes + i * sizeof value, sizeof value);
    if constexpr (std::is_floating_point_v<Pixel>)
      if (!std::isfinite(value)) continue;
    most = std::max(most, value);
  }
  return static_cast<double>(most);
}

std::size_t not_finite(const FrameView& frame) {
  const auto* bytes = static_cast<const std::byte*>(frame.pixels);
  std::size_t count = 0;
  for (std::size_t i = 0; i < frame.shape.pixels(); ++i) {
    float value;
    std::memcpy(&value, bytes + i * sizeof value, sizeof value);
    count += !std::isfinite(value);
  }
  return count;
}

}  // namespace

DetectStatus DiskDetector::detect(const FrameView& frame, double centre_row, double centre_col,
                                  Scratch& scratch, BraggList& disks, FrameSums& sums) const noexcept {
  const Plan& p = *plan_;
  Scratch::Data& s = *scratch.data;
  disks.clear();
  sums = {};
  if (frame.shape != p.shape || frame.pixels == nullptr) return DetectStatus::blank;
  const std::size_t rows = p.shape.rows;
  const std::size_t cols = p.shape.cols;
  const std::size_t pad = static_cast<std::size_t>(p.pad);
  const std::size_t origin = pad * p.stride + pad;
  const std::size_t cells = (rows + 2 * pad) * p.stride + 2 * pad;
  if (s.shape != p.shape || s.stride != p.stride || s.sums.size() != cells) {
    s.shape = p.shape;
    s.stride = p.stride;
    s.image.assign(rows * cols, 0);
    s.prefix.assign(cells, 0);
    s.sums.assign(cells, 0);
    s.flags.assign(cols, 0);
    s.candidates.reserve(k_max_candidates);
  }
  s.fits.reserve(p.config.max_disks);
  disks.reserve(p.config.max_disks);

  double unit = 1;
  switch (frame.type) {
    case PixelType::u8:
      load<std::uint8_t>(frame, cols, s.image.data(), 1);
      break;
    case PixelType::u16:
      load<std::uint16_t>(frame, cols, s.image.data(), 1);
      break;
    case PixelType::u32: {
      const double most = largest<std::uint32_t>(frame);
      const double room = 2e9 / static_cast<double>(p.disk_pixels);
      unit = load<std::uint32_t>(frame, cols, s.image.data(), most > room ? room / most : 1.0);
      break;
    }
    case PixelType::f32: {
      if (not_finite(frame) > p.config.masked_pixels.size()) return DetectStatus::not_finite;
      const double most = largest<float>(frame);
      const double room = 2e9 / static_cast<double>(p.disk_pixels);
      unit = load<float>(frame, cols, s.image.data(), most > 0 ? std::min(room / most, 1.0) : 1.0);
      break;
    }
  }
  for (const Plan::Patch& patch : p.patches) {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < patch.count; ++i) sum += s.image[patch.from[i]];
    s.image[patch.pixel] = static_cast<std::uint32_t>((sum + patch.count / 2) / patch.count);
  }

  double total = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::uint32_t* in = s.image.data() + row * cols;
    std::uint32_t* out = s.prefix.data() + origin + row * p.stride;
    std::uint32_t sum = 0;
    for (std::size_t col = 0; col < cols; ++col) {
      out[col] = sum;
      sum += in[col];
    }
    for (std::size_t col = cols; col < p.stride - pad; ++col) out[col] = sum;
    total += sum;
  }
  if (total <= 0) return DetectStatus::blank;

  const detail::DiskKernels& kernels = detail::disk_kernels();
  const detail::MapView prefix{s.prefix.data() + origin, static_cast<std::ptrdiff_t>(p.stride)};
  for (std::size_t row = 0; row < rows; ++row)
    kernels.disk_row_sum(prefix, static_cast<std::ptrdiff_t>(row), p.half_widths, cols,
                         s.sums.data() + origin + row * p.stride);

  detail::PeakTest test;
  test.distance = p.pair_distance;
  const float look = static_cast<float>(p.threshold) - 1.5f;
  test.threshold2 = look > 0 ? look * look : 0;
  test.min_sum = static_cast<float>(std::max(3.0, p.config.min_counts / unit));
  const detail::MapView sum_map{s.sums.data() + origin, static_cast<std::ptrdiff_t>(p.stride)};
  s.candidates.clear();
  const int last_row = static_cast<int>(rows) - p.edge;
  const int last_col = static_cast<int>(cols) - p.edge;
  for (int row = p.edge; row < last_row; ++row) {
    kernels.flag_peaks(sum_map, row, static_cast<std::size_t>(p.edge),
                       static_cast<std::size_t>(std::max(p.edge, last_col)), test, s.flags.data());
    for (int col = p.edge; col < last_col; ++col) {
      if (!s.flags[static_cast<std::size_t>(col)]) continue;
      if (s.candidates.size() == k_max_candidates) break;
      std::array<double, k_sectors> sector{};
      std::array<int, k_sectors> members{};
      for (const Plan::RingPixel& at : p.ring) {
        const int r = row + at.row;
        const int c = col + at.col;
        if (r < 0 || c < 0 || r >= static_cast<int>(rows) || c >= static_cast<int>(cols)) continue;
        const auto slot = static_cast<std::size_t>(at.sector);
        sector[slot] += s.image[static_cast<std::size_t>(r) * cols + static_cast<std::size_t>(c)];
        ++members[slot];
      }
      // Opposite sectors in pairs, so that a slope cancels; pairs that hold another disk stand out and are
      // left out.
      std::array<double, k_sectors / 2> pair{};
      std::array<double, k_sectors / 2> pair_members{};
      double lowest = std::numeric_limits<double>::max();
      for (std::size_t i = 0; i < pair.size(); ++i) {
        pair[i] = sector[i] + sector[i + pair.size()];
        pair_members[i] = members[i] + members[i + pair.size()];
        if (pair_members[i] > 0) lowest = std::min(lowest, pair[i] / pair_members[i]);
      }
      double off = 0;
      double off_pixels = 0;
      for (std::size_t i = 0; i < pair.size(); ++i) {
        const double expected = lowest * pair_members[i];
        if (pair_members[i] > 0 && pair[i] <= expected + 4 * std::sqrt(expected + 1)) {
          off += pair[i];
          off_pixels += pair_members[i];
        }
      }
      if (off_pixels <= 0) continue;
      const double on = sum_map.data[row * sum_map.stride + col];
      const double alpha = static_cast<double>(p.disk_pixels) / off_pixels;
      if (detail::li_ma(on, off, alpha) < p.threshold) continue;
      s.candidates.push_back(
          {row, col, static_cast<float>(on - alpha * off), static_cast<float>(off / off_pixels)});
    }
  }

  std::sort(s.candidates.begin(), s.candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.counts != b.counts) return a.counts > b.counts;
    return a.row != b.row ? a.row < b.row : a.col < b.col;
  });
  s.fits.clear();
  const float spacing2 = static_cast<float>(p.spacing * p.spacing);
  for (const Candidate& candidate : s.candidates) {
    if (s.fits.size() == p.config.max_disks) break;
    const bool free = std::none_of(s.fits.begin(), s.fits.end(), [&](const DiskFit& fit) {
      const float dr = fit.row - static_cast<float>(candidate.row);
      const float dc = fit.col - static_cast<float>(candidate.col);
      return dr * dr + dc * dc < spacing2;
    });
    if (!free) continue;
    DiskFit start;
    start.row = static_cast<float>(candidate.row);
    start.col = static_cast<float>(candidate.col);
    start.height = candidate.counts / static_cast<float>(p.probe.area());
    start.background = candidate.background;
    s.fits.push_back(start);
  }

  const detail::ImageView image{s.image.data(), static_cast<std::ptrdiff_t>(cols), static_cast<int>(rows),
                                static_cast<int>(cols)};
  const double near2 = std::pow(2 * p.probe.reach() + 1.5, 2);
  for (DiskFit& fit : s.fits) {
    std::array<const DiskFit*, 8> others{};
    int count = 0;
    for (const DiskFit& other : s.fits) {
      if (&other == &fit || count == static_cast<int>(others.size())) continue;
      const double dr = static_cast<double>(other.row - fit.row);
      const double dc = static_cast<double>(other.col - fit.col);
      if (dr * dr + dc * dc < near2) others[static_cast<std::size_t>(count++)] = &other;
    }
    fit = detail::fit_disk(image, p.probe, fit, others.data(), count, 1.0f);
  }

  double strongest = 0;
  const double bright_radius2 = 2.25 * p.config.probe_radius_px * p.config.probe_radius_px;
  const auto from_centre2 = [&](const BraggPeak& peak) {
    return (peak.qx - centre_row) * (peak.qx - centre_row) + (peak.qy - centre_col) * (peak.qy - centre_col);
  };
  for (const DiskFit& fit : s.fits) {
    const BraggPeak peak{static_cast<double>(fit.row), static_cast<double>(fit.col),
                         static_cast<double>(fit.height) * p.probe.area() * unit};
    if (peak.intensity < p.config.min_counts) continue;
    disks.push_back(peak);
    if (from_centre2(peak) > bright_radius2) strongest = std::max(strongest, peak.intensity);
  }
  if (p.config.min_relative > 0)
    std::erase_if(disks,
                  [&](const BraggPeak& peak) { return peak.intensity < p.config.min_relative * strongest; });
  std::sort(disks.begin(), disks.end(),
            [](const BraggPeak& a, const BraggPeak& b) { return a.intensity > b.intensity; });

  if (std::isfinite(centre_row) && std::isfinite(centre_col)) {
    const double bright_radius = std::sqrt(bright_radius2);
    const double top = std::clamp(std::ceil(centre_row - bright_radius), 0.0, static_cast<double>(rows));
    const double bottom =
        std::clamp(std::floor(centre_row + bright_radius), -1.0, static_cast<double>(rows) - 1);
    for (double row = top; row <= bottom; ++row) {
      const double half = std::sqrt(std::max(0.0, bright_radius2 - (row - centre_row) * (row - centre_row)));
      const auto left = static_cast<std::ptrdiff_t>(
          std::clamp(std::ceil(centre_col - half), 0.0, static_cast<double>(cols)));
      const auto right = static_cast<std::ptrdiff_t>(
          std::clamp(std::floor(centre_col + half) + 1, 0.0, static_cast<double>(cols)));
      const std::uint32_t* line = prefix.data + static_cast<std::ptrdiff_t>(row) * prefix.stride;
      if (right > left) sums.bright_field += static_cast<double>(line[right] - line[left]);
    }
    sums.bright_field *= unit;
  }
  sums.dark_field = total * unit - sums.bright_field;
  return DetectStatus::ok;
}

}  // namespace bragglive
