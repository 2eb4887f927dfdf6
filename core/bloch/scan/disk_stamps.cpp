#include "core/bloch/scan/disk_stamps.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive {
namespace {

// Everything round about a disk, as a function of the distance in the undistorted plane.
class Profile {
 public:
  explicit Profile(const DiskShape& shape) : shape_(shape) {
    // The Gaussian and the tail are convolved with the disk once, on a fine radial grid, by direct 2-D
    // quadrature.
    reach_ = shape.radius_px + 2 * shape.edge_px + 4 * shape.point_spread_px +
             (shape.tail_share > 0 ? 5 * shape.tail_px : 0);
    const auto points = static_cast<std::size_t>(std::ceil(reach_ / k_step)) + 2;
    values_.resize(points);
    for (std::size_t i = 0; i < points; ++i) values_[i] = convolved(static_cast<double>(i) * k_step);
  }
  double reach() const { return reach_; }
  double operator()(double r) const {
    const double x = r / k_step;
    const auto i = static_cast<std::size_t>(x);
    if (i + 1 >= values_.size()) return 0;
    return values_[i] + (x - static_cast<double>(i)) * (values_[i + 1] - values_[i]);
  }

 private:
  static constexpr double k_step = 0.05;
  double aperture(double r) const {
    if (shape_.edge_px <= 0) return r <= shape_.radius_px ? 1 : 0;
    return 1 / (1 + std::exp(std::min(4 * (r - shape_.radius_px) / shape_.edge_px, 50.0)));
  }
  // Mean of the aperture over a circle of radius s around a point at distance r.
  double ring_mean(double r, double s) const {
    constexpr int k_angles = 24;
    double sum = 0;
    for (int i = 0; i < k_angles; ++i) {
      const double angle =
          (i + 0.5) * 3.141592653589793 / k_angles;  // half a turn: the other half is its mirror image
      sum += aperture(std::sqrt(std::max(0.0, r * r + s * s + 2 * r * s * std::cos(angle))));
    }
    return sum / k_angles;
  }
  // Average over a radial kernel with cumulative distribution `share` up to `reach`.
  template <class Share>
  double blurred(double r, double reach, Share share) const {
    constexpr int k_rings = 32;
    double sum = 0, before = 0;
    for (int i = 1; i <= k_rings; ++i) {
      const double upto = share(reach * i / k_rings);
      sum += (upto - before) * ring_mean(r, reach * (i - 0.5) / k_rings);
      before = upto;
    }
    return sum / before;
  }
  double convolved(double r) const {
    const double sigma = shape_.point_spread_px;
    double core = aperture(r);
    if (sigma > 0)
      core = blurred(r, 4 * sigma, [&](double s) { return 1 - std::exp(-s * s / (2 * sigma * sigma)); });
    if (shape_.tail_share <= 0) return core;
    const double decay = shape_.tail_px;
    const double tail =
        blurred(r, 5 * decay, [&](double s) { return 1 - std::exp(-s / decay) * (1 + s / decay); });
    return (1 - shape_.tail_share) * core + shape_.tail_share * tail;
  }

  DiskShape shape_;
  double reach_ = 0;
  std::vector<double> values_;
};

}  // namespace

DiskStamps::DiskStamps(const DiskShape& shape, const DiskSectors& sectors) {
  const Profile profile(shape);
  const auto& m = shape.distortion;
  const double determinant = m[0] * m[3] - m[1] * m[2];
  const double squares = m[0] * m[0] + m[1] * m[1] + m[2] * m[2] + m[3] * m[3];
  const double rest = std::sqrt(std::max(0.0, squares * squares - 4 * determinant * determinant));
  const double stretch = std::sqrt((squares + rest) / 2);  // the larger singular value
  reach_ = static_cast<int>(std::ceil(profile.reach() * stretch)) + 1;
  side_ = 2 * reach_ + 2;
  steps_ =
      shape.radius_px < 8 ? 8 : (shape.radius_px < 32 ? 4 : 2);  // a large disk's edge is a small part of it
  const int oversample = shape.radius_px < 8 ? 6 : 3;
  bank_.assign(start(sectors.size(), 0, 0), 0.0F);
  std::vector<double> weights(sectors.size());
  for (int sr = 0; sr <= steps_; ++sr) {
    for (int sc = 0; sc <= steps_; ++sc) {
      double total = 0;
      const double centre_row = reach_ + static_cast<double>(sr) / steps_,
                   centre_col = reach_ + static_cast<double>(sc) / steps_;
      for (int pixel = 0; pixel < side_ * side_; ++pixel) {
        for (int i = 0; i < oversample * oversample; ++i) {
          const double r = pixel / side_ - centre_row + (i / oversample + 0.5) / oversample - 0.5;
          const double c = pixel % side_ - centre_col + (i % oversample + 0.5) / oversample - 0.5;
          const double x = (m[3] * r - m[1] * c) / determinant, y = (m[0] * c - m[2] * r) / determinant;
          const double value = profile(std::hypot(x, y));
          if (value <= 0) continue;
          total += value;
          sectors.weights(x / shape.radius_px, y / shape.radius_px, weights);
          for (std::size_t k = 0; k < weights.size(); ++k)
            bank_[start(k, sr, sc) + static_cast<std::size_t>(pixel)] +=
                static_cast<float>(value * weights[k]);
        }
      }
      for (std::size_t k = 0; k < weights.size(); ++k)
        for (std::size_t i = 0; i < static_cast<std::size_t>(side_ * side_); ++i)
          bank_[start(k, sr, sc) + i] /= static_cast<float>(total);
    }
  }
}

std::size_t DiskStamps::start(std::size_t sector, int step_row, int step_col) const noexcept {
  const auto steps = static_cast<std::size_t>(steps_ + 1);
  return ((sector * steps + static_cast<std::size_t>(step_row)) * steps +
          static_cast<std::size_t>(step_col)) *
         static_cast<std::size_t>(side_ * side_);
}

void DiskStamps::add(std::size_t sector, double row, double col, float weight, FrameShape frame,
                     std::span<float> image) const noexcept {
  const int rows = static_cast<int>(frame.rows), cols = static_cast<int>(frame.cols);
  if (!(row > -side_ && row < rows + side_ && col > -side_ && col < cols + side_)) return;
  const int row0 = static_cast<int>(std::floor(row)), col0 = static_cast<int>(std::floor(col));
  const double fine_row = (row - row0) * steps_, fine_col = (col - col0) * steps_;
  const int sr = std::min(static_cast<int>(fine_row), steps_ - 1),
            sc = std::min(static_cast<int>(fine_col), steps_ - 1);
  const auto fr = static_cast<float>(fine_row - sr), fc = static_cast<float>(fine_col - sc);
  const float w00 = weight * (1 - fr) * (1 - fc), w01 = weight * (1 - fr) * fc, w10 = weight * fr * (1 - fc),
              w11 = weight * fr * fc;
  const float* s00 = bank_.data() + start(sector, sr, sc);
  const float* s01 = bank_.data() + start(sector, sr, sc + 1);
  const float* s10 = bank_.data() + start(sector, sr + 1, sc);
  const float* s11 = bank_.data() + start(sector, sr + 1, sc + 1);
  const int first_row = std::max(0, reach_ - row0), last_row = std::min(side_, rows - row0 + reach_);
  const int first_col = std::max(0, reach_ - col0), last_col = std::min(side_, cols - col0 + reach_);
  for (int i = first_row; i < last_row; ++i) {
    float* line = image.data() + static_cast<std::ptrdiff_t>(row0 - reach_ + i) * cols + (col0 - reach_);
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) * side_;
    for (int j = first_col; j < last_col; ++j)
      line[j] += w00 * s00[at + j] + w01 * s01[at + j] + w10 * s10[at + j] + w11 * s11[at + j];
  }
}

}  // namespace bragglive
