#include "core/detect/ring_test.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace bragglive::detail {
namespace {

struct Place {
  float row = 0, col = 0;
};

// Mean of 3 x 3 pixels; negative where they are not all in the frame.
template <class Pixel>
float mean_at(const RawImage<Pixel>& image, Place place) {
  if (!(place.row >= 0 && place.col >= 0)) return -1;
  const int row = static_cast<int>(place.row + 0.5f);
  const int col = static_cast<int>(place.col + 0.5f);
  if (row < 1 || col < 1 || row + 1 >= image.rows || col + 1 >= image.cols) return -1;
  float sum = 0;
  for (int r = row - 1; r <= row + 1; ++r)
    for (int c = col - 1; c <= col + 1; ++c) sum += image.counts(r, c);
  return sum / 9;
}

// Lower quartile around the circle; rings are a little elliptical, so that the brightest of three radii
// counts.
template <class Pixel>
float ring_level(const RawImage<Pixel>& image, Place centre, float radius) {
  constexpr std::size_t k_azimuths = 48;
  constexpr std::size_t k_least = 6;
  constexpr float k_ellipse = 0.018f;
  std::array<float, k_azimuths> values{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < k_azimuths; ++i) {
    const float turn = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / k_azimuths;
    float most = -1;
    for (const float stretch : {1 - k_ellipse, 1.0f, 1 + k_ellipse}) {
      const float r = radius * stretch;
      most =
          std::max(most, mean_at(image, {centre.row + r * std::cos(turn), centre.col + r * std::sin(turn)}));
    }
    if (most >= 0) values[count++] = most;
  }
  if (count < k_least) return -1;
  const auto quartile = values.begin() + static_cast<std::ptrdiff_t>(count / 4);
  std::nth_element(values.begin(), quartile, values.begin() + static_cast<std::ptrdiff_t>(count));
  return *quartile;
}

Place beam_near(const std::vector<DiskFit>& fits, Place centre, float within) {
  const DiskFit* beam = nullptr;
  for (const DiskFit& fit : fits)
    if (std::hypot(fit.row - centre.row, fit.col - centre.col) < within &&
        (!beam || fit.counts > beam->counts))
      beam = &fit;
  return beam ? Place{beam->row, beam->col} : centre;
}

}  // namespace

template <class Pixel>
std::size_t drop_ring_pieces(const RawImage<Pixel>& image, double radius_px, double centre_row,
                             double centre_col, std::vector<DiskFit>& fits) noexcept {
  constexpr float k_ridge = 0.35f;  // of the disk's height: what its sides along the circle have at least
  constexpr float k_explained = 0.5f;
  constexpr float k_beside = 0.1f;  // the fit's background on a ring lies between ring and ground
  if (!(std::abs(centre_row) < 1e5 && std::abs(centre_col) < 1e5)) return 0;
  const auto within = 0.15f * static_cast<float>(std::min(image.rows, image.cols));
  const Place centre =
      beam_near(fits, {static_cast<float>(centre_row), static_cast<float>(centre_col)}, within);
  const auto beside = static_cast<float>(1.4 * radius_px + 2);
  return std::erase_if(fits, [&](const DiskFit& fit) {
    const float row = fit.row - centre.row;
    const float col = fit.col - centre.col;
    const float r = std::sqrt(row * row + col * col);
    if (r < 3 * beside) return false;
    const float out_row = row / r * beside;
    const float out_col = col / r * beside;
    // Near the border one side has to do.
    const float left = mean_at(image, {fit.row + out_col, fit.col - out_row});
    const float right = mean_at(image, {fit.row - out_col, fit.col + out_row});
    const float side = left < 0 || right < 0 ? std::max(left, right) : std::min(left, right);
    if (!(side > fit.background + k_beside * fit.height)) return false;
    const float outside = mean_at(image, {fit.row + out_row, fit.col + out_col});
    const float inside = mean_at(image, {fit.row - out_row, fit.col - out_col});
    const float ground = outside < 0 || inside < 0 ? std::max(outside, inside) : (outside + inside) / 2;
    const float top = mean_at(image, {fit.row, fit.col});
    if (ground < 0 || !(side - ground > k_ridge * (top - ground))) return false;
    const float ring = ring_level(image, centre, r);
    const float flank = (ring_level(image, centre, r - beside) + ring_level(image, centre, r + beside)) / 2;
    return ring > 0 && flank >= 0 && ring - flank > k_explained * (top - flank);
  });
}

#define BL_INSTANTIATE(Pixel)                                                           \
  template std::size_t drop_ring_pieces(const RawImage<Pixel>&, double, double, double, \
                                        std::vector<DiskFit>&) noexcept;
BL_FOR_EACH_PIXEL(BL_INSTANTIATE)
#undef BL_INSTANTIATE

}  // namespace bragglive::detail
