#include "core/detect/shaped_probe.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/detect/significance.hpp"

namespace bragglive {
namespace {
constexpr std::size_t k_sectors = 8;
constexpr float k_dark = 0.02f;  // of the highest value
}  // namespace

Expected<ShapedProbe> ShapedProbe::create(const ProbeImage& probe, const Settings& settings,
                                          FrameShape shape) {
  if (const auto good = validate(probe); !good) return tl::unexpected(good.error());
  if (probe.side > std::min(shape.rows, shape.cols))
    return fail(ErrorArea::shape, "disk detection: a probe image of {} x {} does not fit a frame of {} x {}",
                probe.side, probe.side, shape.rows, shape.cols);
  const std::uint32_t half = probe.side / 2;
  RealImage placed{shape, std::vector<double>(shape.pixels(), 0)};
  for (std::uint32_t row = 0; row < probe.side; ++row)
    for (std::uint32_t col = 0; col < probe.side; ++col)
      placed.at(shape.rows / 2 - half + row, shape.cols / 2 - half + col) =
          static_cast<double>(probe.at(row, col));
  const auto kernel = make_kernel(placed, shape.rows / 2, shape.cols / 2,
                                  {KernelMode::sigmoid, 3, {settings.radius_px, 4 * settings.radius_px}});
  if (!kernel) return tl::unexpected(kernel.error());
  CorrelationConfig config;
  config.subpixel = Subpixel::poly;
  config.sigma_cc = 1;
  config.min_relative = 0;
  config.min_spacing_px = settings.min_spacing_px;
  config.edge_px = std::max<std::uint32_t>(1, settings.edge_px);
  config.max_peaks = settings.max_disks;
  auto correlation = CorrelationDetector::create(config, *kernel);
  if (!correlation) return tl::unexpected(correlation.error());

  ShapedProbe made(std::move(*correlation), settings);
  made.probe_ = probe;
  const float most = *std::max_element(probe.values.begin(), probe.values.end());
  for (float& value : made.probe_.values) value /= most;
  for (std::uint32_t row = 0; row < probe.side; ++row)
    for (std::uint32_t col = 0; col < probe.side; ++col) {
      const float value = made.probe_.at(row, col);
      if (value < k_dark) continue;
      const auto height = static_cast<double>(value);
      made.pixels_.push_back({static_cast<int>(row) - static_cast<int>(half),
                              static_cast<int>(col) - static_cast<int>(half), height});
      made.area_ += height;
      made.squares_ += height * height;
    }
  std::array<std::vector<Pixel>, k_sectors> sectors;
  const double inner = settings.radius_px + 1.5;
  const double outer = inner + std::max(3.0, 0.5 * settings.radius_px);
  const auto reach = static_cast<int>(outer);
  for (int row = -reach; row <= reach; ++row)
    for (int col = -reach; col <= reach; ++col) {
      const double r = std::hypot(row, col);
      if (r < inner || r > outer) continue;
      const double turn = std::atan2(row, col) / (2 * std::numbers::pi) + 0.5;
      sectors[static_cast<std::size_t>(turn * k_sectors) % k_sectors].push_back({row, col, 1});
    }
  for (const std::vector<Pixel>& sector : sectors) {
    made.sector_begin_.push_back(made.beside_.size());
    made.beside_.insert(made.beside_.end(), sector.begin(), sector.end());
  }
  made.sector_begin_.push_back(made.beside_.size());
  return made;
}

ShapedProbe::Measured ShapedProbe::measure(const RealImage& image, int row, int col, double variance) const {
  const auto rows = static_cast<int>(image.shape.rows);
  const auto cols = static_cast<int>(image.shape.cols);
  const auto in_frame = [&](const Pixel& pixel) {
    return row + pixel.row >= 0 && col + pixel.col >= 0 && row + pixel.row < rows && col + pixel.col < cols;
  };
  const auto value = [&](const Pixel& pixel) {
    return image.at(static_cast<std::size_t>(row + pixel.row), static_cast<std::size_t>(col + pixel.col));
  };
  // Other disks fill some of the sectors beside: the lower half of them counts.
  struct Sector {
    double mean = 0, sum = 0, pixels = 0;
  };
  std::vector<Sector> sectors;
  sectors.reserve(k_sectors);
  for (std::size_t i = 0; i < k_sectors; ++i) {
    Sector sector;
    for (std::size_t k = sector_begin_[i]; k < sector_begin_[i + 1]; ++k)
      if (in_frame(beside_[k])) {
        sector.sum += std::max(0.0, value(beside_[k]));
        ++sector.pixels;
      }
    if (sector.pixels > 0) {
      sector.mean = sector.sum / sector.pixels;
      sectors.push_back(sector);
    }
  }
  std::sort(sectors.begin(), sectors.end(), [](const Sector& a, const Sector& b) { return a.mean < b.mean; });
  double off = 0, off_pixels = 0;
  for (std::size_t i = 0; i < (sectors.size() + 1) / 2; ++i) {
    off += sectors[i].sum;
    off_pixels += sectors[i].pixels;
  }
  const double background = off_pixels > 0 ? off / off_pixels : 0;
  double on = 0, area = 0, above = 0, squares = 0;
  for (const Pixel& pixel : pixels_) {
    if (!in_frame(pixel)) continue;
    on += pixel.height * value(pixel);
    above += pixel.height * (value(pixel) - background);
    area += pixel.height;
    squares += pixel.height * pixel.height;
  }
  if (!(squares > 0.5 * squares_)) return {};
  return {static_cast<double>(row), static_cast<double>(col), above / squares, background,
          detail::li_ma(on / variance, off / variance, off_pixels > 0 ? area / off_pixels : 1)};
}

// The probe between its pixels.
double ShapedProbe::sample(double row, double col) const {
  const double r = row + probe_.side / 2;
  const double c = col + probe_.side / 2;
  const double last = probe_.side - 1;
  if (!(r >= 0 && c >= 0 && r < last && c < last)) return 0;
  const auto top = static_cast<std::uint32_t>(r);
  const auto left = static_cast<std::uint32_t>(c);
  const auto value = [&](std::uint32_t down, std::uint32_t right) {
    return static_cast<double>(probe_.at(top + down, left + right));
  };
  const double down = r - top;
  const double right = c - left;
  return (1 - down) * ((1 - right) * value(0, 0) + right * value(0, 1)) +
         down * ((1 - right) * value(1, 0) + right * value(1, 1));
}

// Poisson scoring for height, background and centre, as DiskFitter does it, on all pixels of the probe's
// image.
void ShapedProbe::refine(const RealImage& image, Measured& m) const {
  constexpr int k_steps = 8;
  constexpr double k_far = 2;  // px
  const auto rows = static_cast<int>(image.shape.rows);
  const auto cols = static_cast<int>(image.shape.cols);
  const auto half = static_cast<int>(probe_.side / 2);
  Measured fit = m;
  for (int step = 0; step < k_steps; ++step) {
    Eigen::Matrix4d fisher = Eigen::Matrix4d::Zero();
    Eigen::Vector4d score = Eigen::Vector4d::Zero();
    const double least = fit.background + 0.02 * fit.height + 0.01;
    for (int row = std::max(0, static_cast<int>(fit.row) - half);
         row <= std::min(rows - 1, static_cast<int>(fit.row) + half); ++row)
      for (int col = std::max(0, static_cast<int>(fit.col) - half);
           col <= std::min(cols - 1, static_cast<int>(fit.col) + half); ++col) {
        const double r = row - fit.row;
        const double c = col - fit.col;
        const double shape = sample(r, c);
        const Eigen::Vector4d slope(shape, 1, fit.height * (sample(r - 0.5, c) - sample(r + 0.5, c)),
                                    fit.height * (sample(r, c - 0.5) - sample(r, c + 0.5)));
        const double expected = fit.background + fit.height * shape;
        const double weight = 1 / std::max(expected, least);
        fisher += weight * slope * slope.transpose();
        score += weight *
                 (image.at(static_cast<std::size_t>(row), static_cast<std::size_t>(col)) - expected) * slope;
      }
    const Eigen::LDLT<Eigen::Matrix4d> solver(fisher);
    if (solver.info() != Eigen::Success || !solver.isPositive()) return;
    const Eigen::Vector4d change = solver.solve(score);
    if (!change.allFinite()) return;
    fit.height = std::max(fit.height + change[0], 0.2 * fit.height);
    fit.background = std::max(fit.background + change[1], 0.0);
    fit.row += std::clamp(change[2], -0.5, 0.5);
    fit.col += std::clamp(change[3], -0.5, 0.5);
    if (std::hypot(fit.row - m.row, fit.col - m.col) > k_far) return;
    if (std::hypot(change[2], change[3]) < 0.005) break;
  }
  m = fit;
}

// With the four pixels' shares of a centre between them.
void ShapedProbe::take_off(RealImage& image, double row, double col, double height) const {
  const auto rows = static_cast<int>(image.shape.rows);
  const auto cols = static_cast<int>(image.shape.cols);
  const int top = static_cast<int>(std::floor(row));
  const int left = static_cast<int>(std::floor(col));
  for (int corner = 0; corner < 4; ++corner) {
    const int down = corner / 2;
    const int right = corner % 2;
    const double share = height * (down ? row - top : 1 - row + top) * (right ? col - left : 1 - col + left);
    for (const Pixel& pixel : pixels_) {
      const int r = top + down + pixel.row;
      const int c = left + right + pixel.col;
      if (r < 0 || c < 0 || r >= rows || c >= cols) continue;
      image.at(static_cast<std::size_t>(r), static_cast<std::size_t>(c)) -= share * pixel.height;
    }
  }
}

void ShapedProbe::detect(double variance, Scratch& scratch, BraggList& disks) const {
  disks.clear();
  if (!correlation_.detect(scratch.image, scratch.correlation, scratch.peaks)) return;
  for (const BraggPeak& peak : scratch.peaks) {
    Measured found = measure(scratch.image, static_cast<int>(std::lround(peak.qx)),
                             static_cast<int>(std::lround(peak.qy)), variance);
    if (!(found.height > 0) || found.significance < settings_.threshold) continue;
    found.row = peak.qx;
    found.col = peak.qy;
    refine(scratch.image, found);
    take_off(scratch.image, found.row, found.col, found.height);
    // What is left of a stronger disk, whose shape was not quite met, is no disk.
    const bool piece = std::any_of(disks.begin(), disks.end(), [&](const BraggPeak& disk) {
      return std::hypot(disk.qx - found.row, disk.qy - found.col) < settings_.min_spacing_px;
    });
    if (!piece) disks.push_back({found.row, found.col, found.height * area_});
  }
  std::sort(disks.begin(), disks.end(),
            [](const BraggPeak& a, const BraggPeak& b) { return a.intensity > b.intensity; });
}

}  // namespace bragglive
