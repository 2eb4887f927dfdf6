#include "core/detect/probe_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <numbers>

#include "core/detect/fourier.hpp"

namespace bragglive {
namespace {

template <class Pixel>
void copy_pixels(const FrameView& frame, std::vector<double>& out) {
  const auto* bytes = static_cast<const std::byte*>(frame.pixels);
  for (std::size_t i = 0; i < out.size(); ++i) {
    Pixel value;
    std::memcpy(&value, bytes + i * sizeof value, sizeof value);
    out[i] = static_cast<double>(value);
  }
}

// Distance from pixel (0, 0) in a periodic image, along one side.
double wrapped(std::size_t i, std::size_t side) {
  const auto at = static_cast<double>((i + side / 2) % side);
  return at - static_cast<double>(side / 2);
}

double sum_of(const RealImage& image) {
  double sum = 0;
  for (const double value : image.pixels) sum += value;
  return sum;
}

RealImage bilinear_roll(const RealImage& image, double row_shift, double col_shift) {
  const auto rows = static_cast<long>(image.shape.rows);
  const auto cols = static_cast<long>(image.shape.cols);
  const double row_floor = std::floor(row_shift);
  const double col_floor = std::floor(col_shift);
  const double fr = row_shift - row_floor;
  const double fc = col_shift - col_floor;
  const auto source = [](long at, double shift, long side) {
    const long moved = (at - static_cast<long>(shift)) % side;
    return static_cast<std::size_t>(moved < 0 ? moved + side : moved);
  };
  RealImage out{image.shape, std::vector<double>(image.pixels.size())};
  for (long row = 0; row < rows; ++row)
    for (long col = 0; col < cols; ++col) {
      const std::size_t r0 = source(row, row_floor, rows);
      const std::size_t r1 = source(row, row_floor + 1, rows);
      const std::size_t c0 = source(col, col_floor, cols);
      const std::size_t c1 = source(col, col_floor + 1, cols);
      out.at(static_cast<std::size_t>(row), static_cast<std::size_t>(col)) =
          (1 - fr) * (1 - fc) * image.at(r0, c0) + fr * (1 - fc) * image.at(r1, c0) +
          (1 - fr) * fc * image.at(r0, c1) + fr * fc * image.at(r1, c1);
    }
  return out;
}

RealImage fourier_shift(const RealImage& image, double row_shift, double col_shift) {
  std::vector<std::complex<double>> half;
  detail::forward(image, half);
  const std::size_t rows = image.shape.rows;
  const std::size_t cols = image.shape.cols;
  const std::size_t width = cols / 2 + 1;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t col = 0; col < width; ++col) {
      const double fr = wrapped(row, rows) / static_cast<double>(rows);
      const double fc = static_cast<double>(col) / static_cast<double>(cols);
      half[row * width + col] *= std::polar(1.0, -2 * std::numbers::pi * (fr * row_shift + fc * col_shift));
    }
  RealImage out{image.shape, {}};
  detail::backward(half, out);
  return out;
}

// What the edge-subtracting kernels take away, before normalisation.
double subtracted(const KernelConfig& config, double r2, double variance) {
  if (config.mode == KernelMode::gaussian)
    return std::exp(-r2 / (2 * config.sigma * config.sigma * variance));
  const double t = (std::sqrt(r2) - config.radii[0]) / (config.radii[1] - config.radii[0]);
  const double c = std::cos(std::numbers::pi / 2 * std::clamp(t, 0.0, 1.0));
  return c * c;
}

Expected<void> check(const RealImage& probe, const KernelConfig& config) {
  if (probe.shape.pixels() == 0 || probe.pixels.size() != probe.shape.pixels())
    return fail(ErrorArea::shape, "probe kernel: the probe image is empty");
  for (const double value : probe.pixels)
    if (!std::isfinite(value))
      return fail(ErrorArea::numeric, "probe kernel: the probe image holds NaN or infinity");
  if (!(sum_of(probe) > 0))
    return fail(ErrorArea::numeric, "probe kernel: the probe image sums to zero or less");
  if (config.mode == KernelMode::gaussian && !(config.sigma > 0))
    return fail(ErrorArea::numeric, "probe kernel: sigma must be above 0");
  if (config.mode == KernelMode::sigmoid && !(config.radii[0] >= 0 && config.radii[1] > config.radii[0]))
    return fail(ErrorArea::numeric, "probe kernel: radii {} and {}; the outer must exceed the inner",
                config.radii[0], config.radii[1]);
  return {};
}

}  // namespace

RealImage to_real(const FrameView& frame) {
  RealImage image{frame.shape, std::vector<double>(frame.shape.pixels())};
  switch (frame.type) {
    case PixelType::u8:
      copy_pixels<std::uint8_t>(frame, image.pixels);
      break;
    case PixelType::u16:
      copy_pixels<std::uint16_t>(frame, image.pixels);
      break;
    case PixelType::u32:
      copy_pixels<std::uint32_t>(frame, image.pixels);
      break;
    case PixelType::f32:
      copy_pixels<float>(frame, image.pixels);
      break;
  }
  return image;
}

RealImage synthetic_probe(FrameShape shape, double radius_px, double width_px) {
  RealImage probe{shape, std::vector<double>(shape.pixels())};
  for (std::size_t row = 0; row < shape.rows; ++row)
    for (std::size_t col = 0; col < shape.cols; ++col) {
      const double r = std::hypot(static_cast<double>(row) - shape.rows / 2.0,
                                  static_cast<double>(col) - shape.cols / 2.0);
      probe.at(row, col) = 1 / (1 + std::exp(4 * (r - radius_px) / width_px));
    }
  return probe;
}

Expected<ProbeSize> measure_probe(const RealImage& image) {
  constexpr int k_thresholds = 100;
  const double most = image.pixels.empty() ? 0 : *std::max_element(image.pixels.begin(), image.pixels.end());
  if (!(most > 0) || !std::isfinite(most))
    return fail(ErrorArea::numeric, "probe size: the image has no positive finite maximum");
  std::array<double, k_thresholds> radius{};
  std::array<double, k_thresholds> level{};
  for (std::size_t i = 0; i < k_thresholds; ++i) {
    level[i] = 0.01 + 0.98 * static_cast<double>(i) / (k_thresholds - 1);
    const auto above = std::count_if(image.pixels.begin(), image.pixels.end(),
                                     [&](double value) { return value > most * level[i]; });
    radius[i] = std::sqrt(static_cast<double>(above) / std::numbers::pi);
  }
  std::array<double, k_thresholds> slope{};
  for (std::size_t i = 0; i < k_thresholds; ++i) {
    if (i == 0)
      slope[i] = radius[1] - radius[0];
    else if (i + 1 == k_thresholds)
      slope[i] = radius[i] - radius[i - 1];
    else
      slope[i] = (radius[i + 1] - radius[i - 1]) / 2;
  }
  std::array<double, k_thresholds> sorted = slope;
  std::sort(sorted.begin(), sorted.end());
  const double median = (sorted[k_thresholds / 2 - 1] + sorted[k_thresholds / 2]) / 2;
  double radius_sum = 0;
  double level_sum = 0;
  int kept = 0;
  for (std::size_t i = 0; i < k_thresholds; ++i) {
    if (slope[i] > 0 || slope[i] < 2 * median) continue;
    radius_sum += radius[i];
    level_sum += level[i];
    ++kept;
  }
  if (kept == 0)
    return fail(ErrorArea::numeric, "probe size: no flat disk in the image; give the probe radius");
  ProbeSize size;
  size.radius_px = radius_sum / kept;
  const double cut = most * level_sum / kept;
  double weight = 0;
  for (std::size_t row = 0; row < image.shape.rows; ++row)
    for (std::size_t col = 0; col < image.shape.cols; ++col) {
      const double value = image.at(row, col);
      if (!(value > cut)) continue;
      weight += value;
      size.row += value * static_cast<double>(row);
      size.col += value * static_cast<double>(col);
    }
  size.row /= weight;
  size.col /= weight;
  return size;
}

Expected<RealImage> vacuum_probe(const RealImage& mean_image, double threshold, double expansion_px) {
  if (!(threshold > 0 && threshold < 1) || !(expansion_px > 0))
    return fail(ErrorArea::numeric,
                "vacuum probe: the threshold must lie between 0 and 1, the expansion above 0");
  const auto size = measure_probe(mean_image);
  if (!size) return tl::unexpected(size.error());
  const double most = *std::max_element(mean_image.pixels.begin(), mean_image.pixels.end());
  // The pixels above the threshold that hang together with the centre form the disk.
  const auto rows = static_cast<int>(mean_image.shape.rows);
  const auto cols = static_cast<int>(mean_image.shape.cols);
  const auto index = [&](int row, int col) {
    return static_cast<std::size_t>(row) * mean_image.shape.cols + static_cast<std::size_t>(col);
  };
  std::vector<std::uint8_t> inside(mean_image.pixels.size(), 0);
  const auto seed_row = static_cast<int>(std::lround(size->row));
  const auto seed_col = static_cast<int>(std::lround(size->col));
  std::vector<std::array<int, 2>> disk{{seed_row, seed_col}};
  inside[index(seed_row, seed_col)] = 1;
  for (std::size_t i = 0; i < disk.size(); ++i) {
    const auto [row, col] = disk[i];
    constexpr std::array<std::array<int, 2>, 4> k_sides{{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};
    for (const auto [dr, dc] : k_sides) {
      const int r = row + dr;
      const int c = col + dc;
      if (r < 0 || c < 0 || r >= rows || c >= cols || inside[index(r, c)]) continue;
      if (mean_image.pixels[index(r, c)] <= threshold * most) continue;
      inside[index(r, c)] = 1;
      disk.push_back({r, c});
    }
  }
  RealImage probe{mean_image.shape, std::vector<double>(mean_image.pixels.size(), 0)};
  const int reach = static_cast<int>(std::ceil(expansion_px));
  std::vector<double> distance2(mean_image.pixels.size(), expansion_px * expansion_px);
  for (const auto [row, col] : disk)
    for (int r = std::max(0, row - reach); r <= std::min(rows - 1, row + reach); ++r)
      for (int c = std::max(0, col - reach); c <= std::min(cols - 1, col + reach); ++c) {
        double& value = distance2[index(r, c)];
        value = std::min(value, static_cast<double>((r - row) * (r - row) + (c - col) * (c - col)));
      }
  for (std::size_t i = 0; i < probe.pixels.size(); ++i) {
    const double c = std::cos(std::numbers::pi / 2 * std::min(1.0, std::sqrt(distance2[i]) / expansion_px));
    probe.pixels[i] = mean_image.pixels[i] * c * c;
  }
  return probe;
}

Expected<RealImage> make_kernel(const RealImage& probe, double centre_row, double centre_col,
                                const KernelConfig& config) {
  if (const auto good = check(probe, config); !good) return tl::unexpected(good.error());
  RealImage kernel = config.mode == KernelMode::flat ? fourier_shift(probe, -centre_row, -centre_col)
                                                     : bilinear_roll(probe, -centre_row, -centre_col);
  const double total = sum_of(kernel);
  for (double& value : kernel.pixels) value /= total;
  if (config.mode == KernelMode::flat) return kernel;
  const auto r2_at = [&](std::size_t row, std::size_t col) {
    const double r = wrapped(row, kernel.shape.rows);
    const double c = wrapped(col, kernel.shape.cols);
    return r * r + c * c;
  };
  double variance = 0;
  for (std::size_t row = 0; row < kernel.shape.rows; ++row)
    for (std::size_t col = 0; col < kernel.shape.cols; ++col)
      variance += r2_at(row, col) * kernel.at(row, col);
  RealImage away{kernel.shape, std::vector<double>(kernel.pixels.size())};
  for (std::size_t row = 0; row < kernel.shape.rows; ++row)
    for (std::size_t col = 0; col < kernel.shape.cols; ++col)
      away.at(row, col) = subtracted(config, r2_at(row, col), variance);
  const double away_total = sum_of(away);
  for (std::size_t i = 0; i < kernel.pixels.size(); ++i) kernel.pixels[i] -= away.pixels[i] / away_total;
  return kernel;
}

}  // namespace bragglive
