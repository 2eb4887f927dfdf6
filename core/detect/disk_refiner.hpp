// Position and counts of one disk by fitting the probe's shape to its pixels.
#pragma once
#include <cstdint>
#include <vector>

namespace bragglive::detail {

// Radially symmetric probe with height 1: T(r) = 1 / (1 + exp(4 (r - R) / w)), tabulated over r^2.
class ProbeShape {
 public:
  ProbeShape() = default;
  ProbeShape(double radius_px, double edge_px);
  struct Value {
    float height;  // T
    float slope;   // -dT/dr / r: dT/d(centre) = slope * (pixel - centre)
  };
  Value at(float r2) const noexcept {
    const float place = r2 * k_per_px2;
    return place < limit_ ? table_[static_cast<std::size_t>(place)] : Value{0, 0};
  }
  double area() const { return area_; }    // integral of T, px^2
  double reach() const { return reach_; }  // beyond it T is negligible, px
  double radius() const { return radius_; }

 private:
  static constexpr float k_per_px2 = 64;
  std::vector<Value> table_;
  float limit_ = 0;
  double area_ = 0, reach_ = 0, radius_ = 0;
};

struct DiskFit {
  float row = 0, col = 0;  // px
  float height = 0;        // counts per pixel at T = 1
  float background = 0;    // counts per pixel
  float significance = 0;  // height over its standard deviation were there no disk
  bool good = false;       // false: no convergence; the start values stand
};

struct ImageView {
  const std::uint32_t* data = nullptr;  // pixel (row, col) at data[row * stride + col]
  std::ptrdiff_t stride = 0;
  int rows = 0, cols = 0;
};

// Maximum-likelihood fit for Poisson counts (scoring steps weighted by the expected counts) of height,
// background and centre. `others` are disks near by whose shapes are taken as known.
DiskFit fit_disk(const ImageView& image, const ProbeShape& probe, const DiskFit& start,
                 const DiskFit* const* others, int other_count, float noise_scale) noexcept;

}  // namespace bragglive::detail
