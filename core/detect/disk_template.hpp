// The probe's shape and its derivatives, sampled on a small window for centres
// between the pixels.
#pragma once
#include <cstddef>
#include <vector>

namespace bragglive::detail {

// Three images of side x stride floats, one after the other: height T, dT/d(row
// of the centre), dT/d(column of the centre). Columns from `side` on are zero.
struct TemplateView {
  const float* height = nullptr;
  const float* by_row = nullptr;
  const float* by_col = nullptr;
};

// Round probe of height 1: T(r) = 1 / (1 + exp(4 (r - R) / w)), averaged over the pixels. `recorded_edge_px`:
// the w that describes the averaged edge, wider than the disk's own.
class DiskTemplates {
 public:
  DiskTemplates() = default;
  DiskTemplates(double radius_px, double recorded_edge_px);

  // For a centre at (0.5 > |row|, |col|) px from the middle pixel of the
  // window: the nearest tabulated one, and in `row`, `col` what is left to the
  // wanted centre. `scratch` (3 * size() floats) is used where the table would
  // be too large.
  TemplateView nearest(float& row, float& col, float* scratch) const noexcept;
  // For exactly this centre, made in `scratch`: slow.
  TemplateView exact(float& row, float& col, float* scratch) const noexcept;

  int half() const { return half_; }  // the window reaches from -half to +half
  std::size_t side() const { return side_; }
  std::size_t stride() const { return stride_; }          // floats per row, a multiple of 16
  std::size_t size() const { return side_ * stride_; }    // floats per image
  const float* inside() const { return inside_.data(); }  // 1 within the round window, else 0
  const float* outside() const {
    return outside_.data();
  }                                        // 1 in that window where no disk around its middle
                                           // pixel reaches, else 0
  double area() const { return area_; }    // integral of T, px^2
  double reach() const { return reach_; }  // T is negligible beyond, px

 private:
  void sample(double row, double col, float* out) const noexcept;

  static constexpr int k_phases = 8;  // per px: a first-order step of 1/16 px is
                                      // then good to 0.2 % of the height
  int half_ = 0;
  std::size_t side_ = 0, stride_ = 0;
  double radius_ = 0, edge_ = 0, area_ = 0, reach_ = 0;
  std::vector<float> inside_, outside_;
  std::vector<float> table_;  // (k_phases + 1)^2 templates; empty when that would be too large
};

}  // namespace bragglive::detail
