#include "core/detect/correlation_detector.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/detect/fourier.hpp"

namespace bragglive {
namespace {

using Complex = std::complex<double>;

std::size_t mirrored(long at, std::size_t side) {
  const auto n = static_cast<long>(side);
  long i = at % (2 * n);
  if (i < 0) i += 2 * n;
  return static_cast<std::size_t>(i < n ? i : 2 * n - 1 - i);
}

bool is_maximum(const RealImage& map, std::size_t row, std::size_t col) {
  const double v = map.at(row, col);
  return v > map.at(row - 1, col - 1) && v > map.at(row - 1, col) && v > map.at(row, col - 1) &&
         v > map.at(row + 1, col - 1) && v >= map.at(row + 1, col) && v >= map.at(row + 1, col + 1) &&
         v >= map.at(row, col + 1) && v >= map.at(row - 1, col + 1);
}

void sort_by_intensity(BraggList& peaks) {
  std::stable_sort(peaks.begin(), peaks.end(),
                   [](const BraggPeak& a, const BraggPeak& b) { return a.intensity > b.intensity; });
}

void find_maxima(const RealImage& map, std::size_t edge, BraggList& peaks) {
  peaks.clear();
  for (std::size_t row = edge; row + edge < map.shape.rows; ++row)
    for (std::size_t col = edge; col + edge < map.shape.cols; ++col)
      if (is_maximum(map, row, col))
        peaks.push_back({static_cast<double>(row), static_cast<double>(col), map.at(row, col)});
  sort_by_intensity(peaks);
}

void filter(const CorrelationConfig& config, BraggList& peaks) {
  if (config.min_absolute > 0)
    std::erase_if(peaks, [&](const BraggPeak& peak) { return peak.intensity < config.min_absolute; });
  if (config.min_relative > 0 && peaks.size() > config.relative_to) {
    const double reference = peaks[config.relative_to].intensity;
    std::erase_if(peaks,
                  [&](const BraggPeak& peak) { return peak.intensity / reference < config.min_relative; });
  }
  if (config.min_spacing_px > 0) {
    const double spacing2 = config.min_spacing_px * config.min_spacing_px;
    BraggList kept;
    for (const BraggPeak& peak : peaks) {
      const bool free = std::none_of(kept.begin(), kept.end(), [&](const BraggPeak& other) {
        return (other.qx - peak.qx) * (other.qx - peak.qx) + (other.qy - peak.qy) * (other.qy - peak.qy) <
               spacing2;
      });
      if (free) kept.push_back(peak);
      if (config.max_peaks > 0 && kept.size() == config.max_peaks) break;
    }
    peaks.swap(kept);
  }
  if (config.max_peaks > 0 && peaks.size() > config.max_peaks) peaks.resize(config.max_peaks);
}

double parabola(double before, double at, double after) {
  const double curvature = 4 * at - 2 * after - 2 * before;
  return curvature != 0 ? (after - before) / curvature : 0;
}

double bilinear(const RealImage& map, double row, double col) {
  const auto r0 = static_cast<std::size_t>(std::floor(row));
  const auto c0 = static_cast<std::size_t>(std::floor(col));
  const auto r1 = static_cast<std::size_t>(std::ceil(row));
  const auto c1 = static_cast<std::size_t>(std::ceil(col));
  const double fr = row - std::floor(row);
  const double fc = col - std::floor(col);
  return (1 - fr) * (1 - fc) * map.at(r0, c0) + (1 - fr) * fc * map.at(r0, c1) +
         fr * (1 - fc) * map.at(r1, c0) + fr * fc * map.at(r1, c1);
}

void refine_by_parabola(const RealImage& map, BraggList& peaks) {
  for (BraggPeak& peak : peaks) {
    const auto row = static_cast<std::size_t>(peak.qx);
    const auto col = static_cast<std::size_t>(peak.qy);
    peak.qx += parabola(map.at(row - 1, col), map.at(row, col), map.at(row + 1, col));
    peak.qy += parabola(map.at(row, col - 1), map.at(row, col), map.at(row, col + 1));
    peak.intensity = bilinear(map, peak.qx, peak.qy);
  }
}

// Frequencies as a transform orders them: 0, 1, …, -2, -1; for an even side the last one is -side/2, not
// +side/2.
double frequency(std::size_t i, std::size_t side) {
  return i < (side + 1) / 2 ? static_cast<double>(i) : static_cast<double>(i) - static_cast<double>(side);
}

// The correlation on a grid of step 1/u around a start: Re of the inverse transform by two small matrix
// products (Guizar-Sicairos et al., Opt. Lett. 33 (2008) 156).
class LocalUpsampler {
 public:
  LocalUpsampler(const std::vector<Complex>& half, FrameShape shape, int factor)
      : half_(half), shape_(shape), factor_(factor), side_((3 * factor + 1) / 2), shift_((side_) / 2) {}

  void refine(BraggPeak& peak) {
    const double row = std::nearbyint(peak.qx * 2) / 2;
    const double col = std::nearbyint(peak.qy * 2) / 2;
    evaluate(row, col);
    const std::size_t best =
        static_cast<std::size_t>(std::max_element(grid_.begin(), grid_.end()) - grid_.begin());
    const std::size_t side = static_cast<std::size_t>(side_);
    const std::size_t i = best / side;
    const std::size_t j = best % side;
    double di = 0;
    double dj = 0;
    if (i > 0 && j > 0 && i + 1 < side && j + 1 < side) {
      di = parabola(grid_[best - side], grid_[best], grid_[best + side]);
      dj = parabola(grid_[best - 1], grid_[best], grid_[best + 1]);
    }
    peak.qx = row + (static_cast<double>(i) - shift_ + di) / factor_;
    peak.qy = col + (static_cast<double>(j) - shift_ + dj) / factor_;
  }

 private:
  void evaluate(double row, double col) {
    const std::size_t rows = shape_.rows;
    const std::size_t cols = shape_.cols;
    const std::size_t width = cols / 2 + 1;
    const auto side = static_cast<std::size_t>(side_);
    const auto wave = [this](double at, std::size_t step, std::size_t i, std::size_t n) {
      const double place = at + (static_cast<double>(step) - shift_) / factor_;
      return std::polar(1.0, 2 * std::numbers::pi * frequency(i, n) * place / static_cast<double>(n));
    };
    row_waves_.resize(side * rows);
    col_waves_.resize(side * cols);
    for (std::size_t step = 0; step < side; ++step) {
      for (std::size_t i = 0; i < rows; ++i) row_waves_[step * rows + i] = wave(row, step, i, rows);
      for (std::size_t j = 0; j < cols; ++j) col_waves_[step * cols + j] = wave(col, step, j, cols);
    }
    grid_.assign(side * side, 0);
    line_.resize(cols);
    for (std::size_t a = 0; a < side; ++a) {
      std::fill(line_.begin(), line_.end(), Complex{});
      for (std::size_t i = 0; i < rows; ++i) {
        const Complex turn = row_waves_[a * rows + i];
        const Complex* in = half_.data() + i * width;
        for (std::size_t j = 0; j < width; ++j) line_[j] += turn * in[j];
        const Complex* opposite = half_.data() + (i == 0 ? 0 : rows - i) * width;
        for (std::size_t j = width; j < cols; ++j) line_[j] += turn * std::conj(opposite[cols - j]);
      }
      for (std::size_t b = 0; b < side; ++b) {
        double sum = 0;
        for (std::size_t j = 0; j < cols; ++j) {
          const Complex turn = col_waves_[b * cols + j];
          sum += line_[j].real() * turn.real() - line_[j].imag() * turn.imag();
        }
        grid_[a * side + b] = sum;
      }
    }
  }

  const std::vector<Complex>& half_;
  FrameShape shape_;
  int factor_, side_, shift_;
  std::vector<Complex> row_waves_, col_waves_, line_;
  std::vector<double> grid_;
};

}  // namespace

void gaussian_smooth(RealImage& image, double sigma_px, RealImage& scratch) {
  if (!(sigma_px > 0)) return;
  const auto reach = static_cast<long>(4 * sigma_px + 0.5);
  std::vector<double> weights(static_cast<std::size_t>(2 * reach + 1));
  double total = 0;
  for (long i = -reach; i <= reach; ++i) {
    const double weight = std::exp(-0.5 * static_cast<double>(i * i) / (sigma_px * sigma_px));
    weights[static_cast<std::size_t>(i + reach)] = weight;
    total += weight;
  }
  for (double& weight : weights) weight /= total;
  const std::size_t rows = image.shape.rows;
  const std::size_t cols = image.shape.cols;
  scratch.shape = image.shape;
  scratch.pixels.assign(image.pixels.size(), 0);
  for (std::size_t row = 0; row < rows; ++row)
    for (long i = -reach; i <= reach; ++i) {
      const double weight = weights[static_cast<std::size_t>(i + reach)];
      const double* in = &image.pixels[mirrored(static_cast<long>(row) + i, rows) * cols];
      double* out = &scratch.pixels[row * cols];
      for (std::size_t col = 0; col < cols; ++col) out[col] += weight * in[col];
    }
  std::vector<double> line(cols + 2 * static_cast<std::size_t>(reach));
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < line.size(); ++i)
      line[i] = scratch.pixels[row * cols + mirrored(static_cast<long>(i) - reach, cols)];
    double* out = &image.pixels[row * cols];
    std::fill(out, out + cols, 0.0);
    for (std::size_t i = 0; i < weights.size(); ++i)
      for (std::size_t col = 0; col < cols; ++col) out[col] += weights[i] * line[col + i];
  }
}

Expected<CorrelationDetector> CorrelationDetector::create(const CorrelationConfig& config,
                                                          const RealImage& kernel) {
  if (kernel.shape.pixels() == 0 || kernel.pixels.size() != kernel.shape.pixels())
    return fail(ErrorArea::shape, "disk correlation: the kernel is empty");
  if (!(config.corr_power >= 0 && config.corr_power <= 1))
    return fail(ErrorArea::numeric, "disk correlation: power {}; it goes from 0 (phase) to 1 (cross)",
                config.corr_power);
  if (!(config.sigma_dp >= 0 && config.sigma_dp < 1000) || !(config.sigma_cc >= 0 && config.sigma_cc < 1000))
    return fail(ErrorArea::numeric, "disk correlation: smoothing widths must lie between 0 and 1000 px");
  if (config.upsample_factor < 2 || config.upsample_factor > 256)
    return fail(ErrorArea::numeric, "disk correlation: upsampling by {}; it goes from 2 to 256",
                config.upsample_factor);
  CorrelationDetector detector;
  detector.config_ = config;
  detector.shape_ = kernel.shape;
  detail::forward(kernel, detector.kernel_);
  for (Complex& value : detector.kernel_) value = std::conj(value);
  return detector;
}

Expected<void> CorrelationDetector::detect(const RealImage& pattern, Scratch& s, BraggList& peaks) const {
  peaks.clear();
  if (pattern.shape != shape_ || pattern.pixels.size() != shape_.pixels())
    return fail(ErrorArea::shape, "disk correlation: a pattern of {} x {}, the kernel is for {} x {}",
                pattern.shape.rows, pattern.shape.cols, shape_.rows, shape_.cols);
  for (const double value : pattern.pixels)
    if (!std::isfinite(value))
      return fail(ErrorArea::numeric, "disk correlation: the pattern holds NaN or infinity; mask it");
  const RealImage* input = &pattern;
  if (config_.sigma_dp > 0) {
    s.pattern = pattern;
    gaussian_smooth(s.pattern, config_.sigma_dp, s.smooth);
    input = &s.pattern;
  }
  detail::forward(*input, s.spectrum);
  for (std::size_t i = 0; i < s.spectrum.size(); ++i) {
    Complex value = s.spectrum[i] * kernel_[i];
    if (config_.corr_power != 1) {
      const double size = std::abs(value);
      // |M|^p exp(i arg M); of an exact zero the argument is 0, and 0^0 is 1.
      value = size > 0 ? value * (std::pow(size, config_.corr_power) / size)
                       : Complex{config_.corr_power == 0 ? 1.0 : 0.0};
    }
    s.spectrum[i] = value;
  }
  s.map.shape = shape_;
  detail::backward(s.spectrum, s.map);
  for (double& value : s.map.pixels) value = std::max(value, 0.0);
  gaussian_smooth(s.map, config_.sigma_cc, s.smooth);
  find_maxima(s.map, std::max<std::size_t>(1, config_.edge_px), peaks);
  filter(config_, peaks);
  if (config_.subpixel == Subpixel::pixel) return {};
  refine_by_parabola(s.map, peaks);
  if (config_.subpixel == Subpixel::multicorr) {
    LocalUpsampler upsampler(s.spectrum, shape_, config_.upsample_factor);
    for (BraggPeak& peak : peaks) upsampler.refine(peak);
  }
  sort_by_intensity(peaks);
  return {};
}

}  // namespace bragglive
