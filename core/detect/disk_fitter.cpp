#include "core/detect/disk_fitter.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/detect/halo.hpp"

namespace bragglive::detail {
namespace {

constexpr float k_disk_edge = 0.3f;      // of the height: what counts as the disk's own pixels
constexpr float k_coarse = 0.008f;       // px: error of the tabulated shapes
constexpr float k_window_offset = 4096;  // makes pixel numbers positive before they are cut to integers

int nearest_pixel(float x) {
  return static_cast<int>(x + (k_window_offset + 0.5f)) - static_cast<int>(k_window_offset);
}

template <class Pixel>
CopyWindow copier(const FitKernels& kernels) {
  if constexpr (std::is_same_v<Pixel, std::uint8_t>) return kernels.copy_u8;
  if constexpr (std::is_same_v<Pixel, std::uint16_t>) return kernels.copy_u16;
  if constexpr (std::is_same_v<Pixel, std::uint32_t>) return kernels.copy_u32;
  if constexpr (std::is_same_v<Pixel, float>) return kernels.copy_f32;
}

}  // namespace

DiskFitter::DiskFitter(double radius_px, double edge_px, double start_px, InstructionSet set)
    : templates_(radius_px, edge_px), kernels_(&fit_kernels(set)), radius_(radius_px), start_px_(start_px) {}

TemplateView DiskFitter::exact(float& row, float& col, float* out) const noexcept {
  const std::size_t size = templates_.size();
  if (templates_.tabulated())
    kernels_->mix(templates_.between(row, col), size, out);
  else
    templates_.sample(static_cast<double>(row), static_cast<double>(col), out);
  row = col = 0;
  return {out, out + size, out + 2 * size};
}

TemplateView DiskFitter::nearest(float& row, float& col, float* out) const noexcept {
  return templates_.tabulated() ? templates_.nearest(row, col) : exact(row, col, out);
}

// Adds the expected counts of another disk to the window around (row, col).
void DiskFitter::add_neighbour(const DiskFit& other, int row, int col, Scratch& s) const noexcept {
  const int half = templates_.half();
  const int other_row = nearest_pixel(other.row);
  const int other_col = nearest_pixel(other.col);
  const int dr = other_row - row;
  const int dc = other_col - col;
  if (std::abs(dr) > 2 * half || std::abs(dc) > 2 * half) return;
  float rest_row = other.row - static_cast<float>(other_row);
  float rest_col = other.col - static_cast<float>(other_col);
  const TemplateView shape = nearest(rest_row, rest_col, s.shape.data());
  const std::vector<WindowRow>& rows = templates_.rows();
  for (int r = std::max(0, dr); r <= 2 * half + std::min(0, dr); ++r) {
    const WindowRow& to = rows[static_cast<std::size_t>(r)];
    const WindowRow& from = rows[static_cast<std::size_t>(r - dr)];
    const int first = std::max(-to.half, dc - from.half);
    const int last = std::min(to.half, dc + from.half);
    if (first > last) continue;
    float* out = s.rest.data() + to.begin + (first + to.half);
    const std::size_t at = from.begin + static_cast<std::size_t>(first - dc + from.half);
    const float* height = shape.height + at;
    const float* by_row = shape.by_row + at;
    const float* by_col = shape.by_col + at;
    for (int c = 0; c <= last - first; ++c)
      out[c] += other.height * std::max(height[c] + rest_row * by_row[c] + rest_col * by_col[c], 0.0f);
  }
}

bool DiskFitter::add_neighbours(std::span<const DiskFit> fits, std::size_t which, int row, int col,
                                Scratch& s) const noexcept {
  std::memset(s.rest.data(), 0, templates_.size() * sizeof(float));
  const auto near = static_cast<float>(templates_.reach() + templates_.window());
  const DiskFit& fit = fits[which];
  bool crowded = false;
  for (std::size_t i = 0; i < fits.size(); ++i) {
    const float dr = fits[i].row - fit.row;
    const float dc = fits[i].col - fit.col;
    if (i == which || dr * dr + dc * dc > near * near) continue;
    add_neighbour(fits[i], row, col, s);
    crowded = true;
  }
  return crowded;
}

// Copies the window around pixel (row, col); returns which of its pixels take
// part.
template <class Pixel>
const float* DiskFitter::copy_window(const RawImage<Pixel>& image, int row, int col,
                                     Scratch& s) const noexcept {
  const int half = templates_.half();
  const bool inside = row >= half && col >= half && row + half < image.rows && col + half < image.cols;
  // Whole vectors reach behind the window's rows, and behind the last one there
  // must be pixels, too.
  const std::size_t last = inside ? image.index(row + half, col + half) + k_window_slack : 0;
  const bool whole =
      inside && last <= static_cast<std::size_t>(image.rows) * static_cast<std::size_t>(image.cols);
  if (whole)
    copier<Pixel> (*kernels_)(image.bytes + image.index(row, col) * sizeof(Pixel), image.cols,
                              templates_.rows(), image.factor, s.data.data());
  if (whole && image.usable == nullptr) return templates_.inside();
  for (std::size_t i = 0; i < templates_.pixels(); ++i) {
    const int at_row = row + static_cast<int>(templates_.row_of()[i]);
    const int at_col = col + static_cast<int>(templates_.col_of()[i]);
    const bool in_frame = at_row >= 0 && at_col >= 0 && at_row < image.rows && at_col < image.cols;
    const std::size_t from = in_frame ? image.index(at_row, at_col) : 0;
    if (!whole) s.data[i] = in_frame ? image.counts(from) : 0.0f;
    s.good[i] = in_frame && (image.usable == nullptr || image.usable[from]) ? 1.0f : 0.0f;
  }
  return s.good.data();
}

// Slope (and, where it is steep, level) of the background from the pixels of
// the window that no disk reaches.
void DiskFitter::find_slope(const FitWindow& window, DiskFit& fit) const noexcept {
  PlaneSums p;
  kernels_->sum_plane(window, places(), templates_.outside(), 0.05f * std::max(fit.background, 0.0f) + 0.02f,
                      p);
  if (p.n < 24) return;
  const float mr = p.r / p.n, mc = p.c / p.n, mv = p.v / p.n;
  const float rr = p.rr / p.n - mr * mr;
  const float rc = p.rc / p.n - mr * mc;
  const float cc = p.cc / p.n - mc * mc;
  const float vr = p.vr / p.n - mv * mr;
  const float vc = p.vc / p.n - mv * mc;
  const float det = rr * cc - rc * rc;
  // Pixels on one side only do not give a slope.
  if (!(det > 0.05f * (rr + cc) * (rr + cc))) return;
  // A slope that the noise may have made would only add its own noise.
  const bool certain = (vr * vr + vc * vc) * p.n > 16 * (rr + cc) / 2 * std::max(mv, 0.0f);
  fit.by_row = fit.by_col = 0;
  if (!certain) return;
  fit.by_row = (cc * vr - rc * vc) / det;
  fit.by_col = (rr * vc - rc * vr) / det;
  fit.background = std::max(0.0f, mv - fit.by_row * mr - fit.by_col * mc);
}

void DiskFitter::add_slope(const DiskFit& fit, int row, int col, Scratch& s) const noexcept {
  if (fit.by_row == 0 && fit.by_col == 0) return;
  const float down = static_cast<float>(row) - fit.start_row;
  const float right = static_cast<float>(col) - fit.start_col;
  const Plane plane{fit.by_row * down + fit.by_col * right, fit.by_row, fit.by_col};
  kernels_->add_plane(places(), plane, templates_.size(), s.rest.data());
}

// What the halo has more or less than in the window's middle; the slope is that of what it leaves.
void DiskFitter::add_halo(const Halo& halo, const FitWindow& window, int row, int col, DiskFit& fit,
                          Scratch& s) const noexcept {
  float* extra = s.shape.data();
  float* left = extra + templates_.size();
  kernels_->radial(places(), halo.about(row, col), halo.at(row, col), templates_.size(), extra);
  for (std::size_t i = 0; i < templates_.size(); ++i) left[i] = s.data[i] - extra[i];
  FitWindow flat = window;
  flat.data = left;
  find_slope(flat, fit);
  for (std::size_t i = 0; i < templates_.size(); ++i) s.rest[i] += extra[i];
}

template <class Pixel>
void DiskFitter::fit_one(const RawImage<Pixel>& image, std::span<DiskFit> fits, std::size_t which, Scratch& s,
                         bool again, const Halo* halo) const noexcept {
  DiskFit& fit = fits[which];
  const auto farthest = static_cast<float>(std::max({1.0, 0.4 * radius_, start_px_}));
  const auto prior = static_cast<float>(1 / (0.3 * radius_ * 0.3 * radius_));
  FitWindow window{s.data.data(), s.rest.data(), nullptr, templates_.size(), {}};
  // A start may be half a cell of the search off, which is a third of the radius; a step crosses half a
  // pixel.
  const int most_steps = fit.placed ? 0 : again ? 4 : 6 + static_cast<int>(radius_);
  FitPoint point;
  int window_row = 0;
  int window_col = 0;
  bool placed = false;
  bool finest = false;
  const auto place = [&] {
    const int row = nearest_pixel(fit.row);
    const int col = nearest_pixel(fit.col);
    const bool moved = !placed || row != window_row || col != window_col;
    point.row = fit.row - static_cast<float>(row);
    point.col = fit.col - static_cast<float>(col);
    if (moved) {
      window.good = copy_window(image, row, col, s);
      fit.crowded = add_neighbours(fits, which, row, col, s);
      // Of neighbours only the second time the shapes are known.
      const bool find = again || !fit.crowded;
      if (find || !placed) {
        // The window's middle is where the slope is level.
        fit.start_row = static_cast<float>(row);
        fit.start_col = static_cast<float>(col);
      }
      // At each new place: about a poor start the disk itself makes a slope.
      if (halo != nullptr)
        add_halo(*halo, window, row, col, fit, s);
      else if (find)
        find_slope(window, fit);
      add_slope(fit, row, col, s);
    }
    window.shape =
        finest ? exact(point.row, point.col, s.shape.data()) : nearest(point.row, point.col, s.shape.data());
    window_row = row;
    window_col = col;
    placed = true;
    point.height = fit.height;
    point.background = fit.background;
    // Few counts or an imperfect shape must not give a single pixel an endless
    // weight.
    point.least = std::max(fit.background, 0.0f) + 0.02f * std::max(fit.height, 0.0f) + 0.01f;
  };
  const float from_row = fit.row;
  const float from_col = fit.col;
  float height_variance = 0;
  place();
  for (int step = 0; step < most_steps; ++step) {
    FitStep found;
    if (!kernels_->step(window, point, {prior, from_row - fit.row, from_col - fit.col}, found)) break;
    const float row_step = std::clamp(found.row, -0.5f, 0.5f);
    const float col_step = std::clamp(found.col, -0.5f, 0.5f);
    fit.height = std::max(fit.height + found.height, 0.2f * fit.height);
    fit.background = std::max(fit.background + found.background, 0.0f);
    fit.row = std::clamp(fit.row + row_step, from_row - farthest, from_row + farthest);
    fit.col = std::clamp(fit.col + col_step, from_col - farthest, from_col + farthest);
    height_variance = found.height_variance;
    const float moved = row_step * row_step + col_step * col_step;
    // The table's places are too coarse for the brightest disks.
    const bool finer = !finest && found.information * k_coarse * k_coarse > 1 && moved < 0.03f;
    finest = finest || finer;
    place();
    if (finer) continue;
    // Convergence is nearly quadratic: what is left is about the square of the
    // step over the edge's width.
    if (moved * moved * found.information < 0.002f && moved < 0.03f) break;
  }
  if (height_variance > 0) fit.height_sigma = std::sqrt(height_variance);
  kernels_->sum_disk(window, point, k_disk_edge, fit.on);
  // Whatever the disk's inner structure, its counts are what the pixels say:
  // the fitted shape plus the residuals inside.
  fit.counts = fit.height * static_cast<float>(templates_.area()) + fit.on.residual;
}

template <class Pixel>
void DiskFitter::fit_all(const RawImage<Pixel>& image, std::span<DiskFit> fits, Scratch& s) const noexcept {
  s.data.resize(templates_.size() + k_window_slack);
  s.rest.resize(templates_.size());
  s.good.resize(templates_.size());
  s.shape.resize(3 * templates_.size());
  for (std::size_t i = 0; i < fits.size(); ++i) fit_one(image, fits, i, s, false, nullptr);
}

template <class Pixel>
void DiskFitter::fit_again(const RawImage<Pixel>& image, const Halo* halo, std::span<DiskFit> fits,
                           Scratch& s) const noexcept {
  for (std::size_t i = 0; i < fits.size(); ++i)
    if (halo != nullptr || fits[i].crowded) fit_one(image, fits, i, s, true, halo);
}

#define BL_INSTANTIATE(Pixel)                                                                             \
  template void DiskFitter::fit_all(const RawImage<Pixel>&, std::span<DiskFit>, Scratch&) const noexcept; \
  template void DiskFitter::fit_again(const RawImage<Pixel>&, const Halo*, std::span<DiskFit>, Scratch&)  \
      const noexcept;
BL_FOR_EACH_PIXEL(BL_INSTANTIATE)
#undef BL_INSTANTIATE

}  // namespace bragglive::detail
