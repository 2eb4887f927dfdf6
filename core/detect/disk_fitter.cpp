#include "core/detect/disk_fitter.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/detect/fit_kernels.hpp"

namespace bragglive::detail {
namespace {

struct Solution {
  std::array<double, 4> step{};
  double height_variance = 0;
};

// fisher * step = score by Cholesky; false when the matrix is not positive definite.
bool solve(const FitSums& sums, double position_prior, Solution& out) {
  double h[4][4];
  for (int i = 0, k = 0; i < 4; ++i)
    for (int j = 0; j <= i; ++j, ++k) h[i][j] = static_cast<double>(sums.fisher[k]);
  h[2][2] += position_prior;
  h[3][3] += position_prior;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j <= i; ++j) {
      double sum = h[i][j];
      for (int k = 0; k < j; ++k) sum -= h[i][k] * h[j][k];
      if (i != j) {
        h[i][j] = sum / h[j][j];
        continue;
      }
      if (!(sum > 1e-9 * h[i][i])) return false;
      h[i][i] = std::sqrt(sum);
    }
  const auto substitute = [&h](std::array<double, 4>& x) {
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t k = 0; k < i; ++k) x[i] -= h[i][k] * x[k];
      x[i] /= h[i][i];
    }
    for (std::size_t i = 4; i-- > 0;) {
      for (std::size_t k = i + 1; k < 4; ++k) x[i] -= h[k][i] * x[k];
      x[i] /= h[i][i];
    }
  };
  for (std::size_t i = 0; i < 4; ++i) out.step[i] = static_cast<double>(sums.score[i]);
  substitute(out.step);
  std::array<double, 4> unit{1, 0, 0, 0};
  substitute(unit);
  out.height_variance = unit[0];
  return true;
}

}  // namespace

DiskFitter::DiskFitter(double radius_px, double edge_px)
    : templates_(radius_px, edge_px), radius_(radius_px) {}

// Adds the expected counts of another disk to the window around (row, col). false: it does not reach there.
bool DiskFitter::add_neighbour(const DiskFit& other, int row, int col, Scratch& s) const noexcept {
  const int half = templates_.half();
  const int other_row = static_cast<int>(std::lround(other.row));
  const int other_col = static_cast<int>(std::lround(other.col));
  const int dr = other_row - row;
  const int dc = other_col - col;
  if (std::abs(dr) > 2 * half || std::abs(dc) > 2 * half) return false;
  float rest_row = other.row - static_cast<float>(other_row);
  float rest_col = other.col - static_cast<float>(other_col);
  const TemplateView shape = templates_.nearest(rest_row, rest_col, s.shape.data());
  const std::size_t stride = templates_.stride();
  const int row0 = std::max(-half, dr - half);
  const int row1 = std::min(half, dr + half);
  const int col0 = std::max(-half, dc - half);
  const int col1 = std::min(half, dc + half);
  for (int r = row0; r <= row1; ++r) {
    float* out = s.rest.data() + static_cast<std::size_t>(r + half) * stride + half;
    const std::size_t from =
        static_cast<std::size_t>(r - dr + half) * stride + static_cast<std::size_t>(half);
    for (int c = col0; c <= col1; ++c) {
      const std::size_t at = from + static_cast<std::size_t>(c - dc);
      const float t = shape.height[at] + rest_row * shape.by_row[at] + rest_col * shape.by_col[at];
      out[c] += other.height * std::max(t, 0.0f);
    }
  }
  return true;
}

// Copies the window around pixel (row, col) and sums up what other disks put there. true: there are such
// disks.
template <class Pixel>
bool DiskFitter::fill_window(const PaddedImage<Pixel>& image, std::span<const DiskFit> fits,
                             std::size_t which, int row, int col, Scratch& s) const noexcept {
  const int half = templates_.half();
  const std::size_t side = templates_.side();
  const std::size_t stride = templates_.stride();
  const bool inside = row >= half && col >= half && row + half < image.rows && col + half < image.cols;
  const bool all_good = inside && image.usable == nullptr;
  for (std::size_t r = 0; r < side; ++r) {
    const std::ptrdiff_t at = (row + static_cast<std::ptrdiff_t>(r) - half) * image.stride + col - half;
    const Pixel* from = image.data + at;
    float* to = s.data.data() + r * stride;
    for (std::size_t c = 0; c < side; ++c) to[c] = static_cast<float>(from[c]);
    if (all_good) continue;
    const float* round = templates_.inside() + r * stride;
    float* good = s.good.data() + r * stride;
    const int frame_row = row + static_cast<int>(r) - half;
    for (std::size_t c = 0; c < side; ++c) {
      const int frame_col = col + static_cast<int>(c) - half;
      const bool usable = frame_row >= 0 && frame_col >= 0 && frame_row < image.rows &&
                          frame_col < image.cols &&
                          (image.usable == nullptr || image.usable[at + static_cast<std::ptrdiff_t>(c)]);
      good[c] = usable ? round[c] : 0.0f;
    }
  }
  if (all_good) std::memcpy(s.good.data(), templates_.inside(), templates_.size() * sizeof(float));
  const DiskFit& fit = fits[which];
  for (std::size_t r = 0; r < side; ++r) {
    const auto from_start = static_cast<float>(row + static_cast<int>(r) - half) - fit.start_row;
    const float first = static_cast<float>(col - half) - fit.start_col;
    float* rest = s.rest.data() + r * stride;
    for (std::size_t c = 0; c < side; ++c)
      rest[c] = fit.by_row * from_start + fit.by_col * (first + static_cast<float>(c));
  }
  const auto near = static_cast<float>(templates_.reach() + templates_.half());
  bool crowded = false;
  for (std::size_t i = 0; i < fits.size(); ++i) {
    const float dr = fits[i].row - fit.row;
    const float dc = fits[i].col - fit.col;
    if (i == which || dr * dr + dc * dc > near * near) continue;
    crowded |= add_neighbour(fits[i], row, col, s);
  }
  return crowded;
}

// Level and slope of the background from the pixels of the window that no disk reaches.
template <class Pixel>
void DiskFitter::find_background(const PaddedImage<Pixel>& image, std::span<DiskFit> fits,
                                 std::size_t which) const noexcept {
  DiskFit& fit = fits[which];
  const int half = templates_.half();
  const auto reach2 = static_cast<float>(templates_.reach() * templates_.reach());
  std::array<const DiskFit*, 16> near{};
  std::size_t near_count = 0;
  for (std::size_t i = 0; i < fits.size() && near_count < near.size(); ++i) {
    const float distance = std::max(std::abs(fits[i].row - fit.row), std::abs(fits[i].col - fit.col));
    if (i == which || distance < static_cast<float>(templates_.reach()) + static_cast<float>(half) + 1)
      near[near_count++] = &fits[i];
  }
  const int row0 = std::max(0, static_cast<int>(fit.row) - half);
  const int row1 = std::min(image.rows - 1, static_cast<int>(fit.row) + half + 1);
  const int col0 = std::max(0, static_cast<int>(fit.col) - half);
  const int col1 = std::min(image.cols - 1, static_cast<int>(fit.col) + half + 1);
  double n = 0, r = 0, c = 0, rr = 0, rc = 0, cc = 0, v = 0, vr = 0, vc = 0;
  for (int row = row0; row <= row1; ++row)
    for (int col = col0; col <= col1; ++col) {
      const std::ptrdiff_t at = row * image.stride + col;
      bool covered = image.usable != nullptr && !image.usable[at];
      for (std::size_t i = 0; i < near_count; ++i) {
        const float dr = static_cast<float>(row) - near[i]->row;
        const float dc = static_cast<float>(col) - near[i]->col;
        covered |= dr * dr + dc * dc < reach2;
      }
      if (covered) continue;
      const auto x = static_cast<double>(static_cast<float>(row) - fit.start_row);
      const auto y = static_cast<double>(static_cast<float>(col) - fit.start_col);
      const auto value = static_cast<double>(image.data[at]);
      n += 1;
      r += x;
      c += y;
      rr += x * x;
      rc += x * y;
      cc += y * y;
      v += value;
      vr += value * x;
      vc += value * y;
    }
  if (n < 8) return;
  const double mr = r / n, mc = c / n, mv = v / n;
  rr = rr / n - mr * mr;
  rc = rc / n - mr * mc;
  cc = cc / n - mc * mc;
  vr = vr / n - mv * mr;
  vc = vc / n - mv * mc;
  const double det = rr * cc - rc * rc;
  // Pixels on one side only, or too few of them, do not give a slope.
  const bool sloped = n >= 24 && det > 0.05 * (rr + cc) * (rr + cc);
  const double by_row = sloped ? (cc * vr - rc * vc) / det : 0;
  const double by_col = sloped ? (rr * vc - rc * vr) / det : 0;
  fit.by_row = static_cast<float>(by_row);
  fit.by_col = static_cast<float>(by_col);
  fit.background = static_cast<float>(std::max(0.0, mv - by_row * mr - by_col * mc));
}

template <class Pixel>
void DiskFitter::fit_one(const PaddedImage<Pixel>& image, std::span<DiskFit> fits, std::size_t which,
                         Scratch& s, int steps) const noexcept {
  const FitKernels& kernels = fit_kernels();
  DiskFit& fit = fits[which];
  const auto farthest = static_cast<float>(std::max(1.0, 0.4 * radius_));
  const double prior = 1 / (0.3 * radius_ * 0.3 * radius_);
  FitWindow window{s.data.data(), s.rest.data(), s.good.data(), templates_.size(), {}};
  FitPoint point;
  int window_row = -1;
  int window_col = -1;
  const auto place = [&] {
    const int row = static_cast<int>(std::lround(fit.row));
    const int col = static_cast<int>(std::lround(fit.col));
    if (row != window_row || col != window_col) {
      fit.crowded = fill_window(image, std::span<const DiskFit>(fits), which, row, col, s);
      window_row = row;
      window_col = col;
    }
    point.row = fit.row - static_cast<float>(row);
    point.col = fit.col - static_cast<float>(col);
    window.shape = templates_.nearest(point.row, point.col, s.shape.data());
    point.height = fit.height;
    point.background = fit.background;
    // Few counts or an imperfect shape must not give a single pixel an endless weight.
    point.least = std::max(fit.background, 0.0f) + 0.02f * std::max(fit.height, 0.0f) + 0.01f;
  };
  place();
  for (int step = 0; step < steps; ++step) {
    FitSums sums;
    kernels.sum_fit(window, point, sums);
    sums.score[2] += static_cast<float>(prior) * (fit.start_row - fit.row);
    sums.score[3] += static_cast<float>(prior) * (fit.start_col - fit.col);
    Solution solution;
    if (!solve(sums, prior, solution)) break;
    const float row_step = std::clamp(static_cast<float>(solution.step[2]), -0.5f, 0.5f);
    const float col_step = std::clamp(static_cast<float>(solution.step[3]), -0.5f, 0.5f);
    fit.height = std::max(fit.height + static_cast<float>(solution.step[0]), 0.2f * fit.height);
    fit.background = std::max(fit.background + static_cast<float>(solution.step[1]), 0.0f);
    fit.row = std::clamp(fit.row + row_step, fit.start_row - farthest, fit.start_row + farthest);
    fit.col = std::clamp(fit.col + col_step, fit.start_col - farthest, fit.start_col + farthest);
    fit.height_sigma = static_cast<float>(std::sqrt(solution.height_variance));
    place();
    const double variance = 1 / (static_cast<double>(sums.fisher[5] + sums.fisher[9]) / 2 + prior);
    const double moved = static_cast<double>(row_step * row_step + col_step * col_step);
    if (moved < 0.01 * variance && moved < 0.01) break;
  }
  // Whatever the disk's inner structure, its counts are what the pixels say: the fitted shape plus the
  // residuals inside.
  fit.counts =
      fit.height * static_cast<float>(templates_.area()) + kernels.sum_residual(window, point, 0.02f);
}

template <class Pixel>
void DiskFitter::fit_all(const PaddedImage<Pixel>& image, std::span<DiskFit> fits,
                         Scratch& s) const noexcept {
  s.data.resize(templates_.size());
  s.rest.resize(templates_.size());
  s.good.resize(templates_.size());
  s.shape.resize(3 * templates_.size());
  for (std::size_t i = 0; i < fits.size(); ++i) fit_one(image, fits, i, s, 6);
  for (std::size_t i = 0; i < fits.size(); ++i)
    if (fits[i].crowded) {
      // The start was a guess that the neighbours may have pulled; now their shapes are known.
      fits[i].start_row = fits[i].row;
      fits[i].start_col = fits[i].col;
      find_background(image, fits, i);
      fit_one(image, fits, i, s, 3);
    }
}

template void DiskFitter::fit_all(const PaddedImage<std::uint16_t>&, std::span<DiskFit>,
                                  Scratch&) const noexcept;
template void DiskFitter::fit_all(const PaddedImage<std::uint32_t>&, std::span<DiskFit>,
                                  Scratch&) const noexcept;

}  // namespace bragglive::detail
