// The Cramér-Rao bound for a disk's position, and errors measured by it.
#pragma once
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "tests/unit/detect/pattern_maker.hpp"

namespace bragglive::test {

// Smallest possible standard deviation (px, mean over the two axes) of an unbiased position of disk `which`,
// from Poisson counts of `pattern.expected`, when height and a flat background are not known either: F_ab =
// sum over pixels of (d lambda / d a)(d lambda / d b) / lambda, bound = sqrt of the diagonal of F^-1.
inline double position_bound(const Pattern& pattern, const PatternSpec& spec, std::size_t which) {
  const BraggPeak& disk = pattern.truth[which];
  const int reach = static_cast<int>(spec.probe_radius + 3 * spec.edge_width) + 3;
  const int row0 = static_cast<int>(disk.qx) - reach;
  const int col0 = static_cast<int>(disk.qy) - reach;
  const auto side = static_cast<std::uint32_t>(2 * reach + 1);
  const FrameShape shape{side, side};
  const auto stamp = [&](double row, double col) {
    std::vector<double> image(shape.pixels(), 0);
    add_disk(image, shape, row - row0, col - col0, disk.intensity, spec.probe_radius, spec.edge_width);
    return image;
  };
  constexpr double k_step = 0.05;
  const auto here = stamp(disk.qx, disk.qy);
  const auto up = stamp(disk.qx + k_step, disk.qy), down = stamp(disk.qx - k_step, disk.qy);
  const auto right = stamp(disk.qx, disk.qy + k_step), left = stamp(disk.qx, disk.qy - k_step);
  Eigen::Matrix4d fisher = Eigen::Matrix4d::Zero();
  for (std::uint32_t r = 0; r < side; ++r)
    for (std::uint32_t c = 0; c < side; ++c) {
      const int row = row0 + static_cast<int>(r);
      const int col = col0 + static_cast<int>(c);
      if (row < 0 || col < 0 || row >= static_cast<int>(pattern.shape.rows) ||
          col >= static_cast<int>(pattern.shape.cols))
        continue;
      const std::size_t i = r * side + c;
      const double expected =
          pattern
              .expected[static_cast<std::size_t>(row) * pattern.shape.cols + static_cast<std::size_t>(col)];
      if (expected < 1e-9) continue;
      const Eigen::Vector4d d(here[i] / disk.intensity, 1, (up[i] - down[i]) / (2 * k_step),
                              (right[i] - left[i]) / (2 * k_step));
      fisher += d * d.transpose() / expected;
    }
  const Eigen::Matrix4d bound = fisher.inverse();
  return std::sqrt((bound(2, 2) + bound(3, 3)) / 2);
}

// Root mean square of error / bound over the disks that were found where true ones are.
class PositionErrors {
 public:
  void add(const Pattern& pattern, const PatternSpec& spec, const BraggList& found) {
    for (std::size_t i = 0; i < pattern.truth.size(); ++i)
      for (const BraggPeak& disk : found) {
        const double row = disk.qx - pattern.truth[i].qx;
        const double col = disk.qy - pattern.truth[i].qy;
        if (row * row + col * col > 1) continue;
        const double bound = position_bound(pattern, spec, i);
        squares_ += (row * row + col * col) / (2 * bound * bound);
        intensity_ += disk.intensity / pattern.truth[i].intensity - 1;
        ++count_;
      }
  }
  int count() const { return count_; }
  double over_bound() const { return std::sqrt(squares_ / std::max(1, count_)); }
  double intensity_error() const { return intensity_ / std::max(1, count_); }  // relative, mean

 private:
  double squares_ = 0, intensity_ = 0;
  int count_ = 0;
};

}  // namespace bragglive::test
