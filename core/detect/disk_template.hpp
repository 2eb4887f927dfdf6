// The probe's shape and its derivatives, sampled on a small round window for centres between the pixels.
#pragma once
#include <cstddef>
#include <vector>

namespace bragglive::detail {

// Three images, one after the other: height T, dT/d(row of the centre), dT/d(column of the centre).
struct TemplateView {
  const float* height = nullptr;
  const float* by_row = nullptr;
  const float* by_col = nullptr;
};

// Four neighbouring tabulated shapes and how to mix them for the wanted centre: half of the linear
// interpolation and half of the first-order steps from each, whose errors of second order cancel.
struct TemplateMix {
  const float* corner[4] = {};
  float weight[4] = {};                  // of the images
  float by_row[4] = {}, by_col[4] = {};  // what the derivatives add to the height
};

// Only the pixels within the round window are kept, row after row without gaps, filled up with zeros to whole
// vectors.
struct WindowRow {
  int half = 0;           // the window's row reaches from column -half to +half
  std::size_t begin = 0;  // where it begins in the images
};

// Round probe of height 1: T(r) = 1 / (1 + exp(4 (r - R) / w)), averaged over the pixels. `recorded_edge_px`:
// the w that describes the averaged edge, wider than the disk's own.
class DiskTemplates {
 public:
  DiskTemplates() = default;
  DiskTemplates(double radius_px, double recorded_edge_px);

  bool tabulated() const { return !table_.empty(); }  // not where the table would be too large
  // For a centre at (0.5 > |row|, |col|) px from the middle pixel of the window: the nearest tabulated shape,
  // and in `row`, `col` what is left to the wanted centre.
  TemplateView nearest(float& row, float& col) const noexcept;
  // For exactly this centre, to be mixed: good to 0.001 of the height.
  TemplateMix between(float row, float col) const noexcept;
  // For exactly this centre, made in `out` (3 * size() floats): slow.
  void sample(double row, double col, float* out) const noexcept;

  double window() const { return window_; }  // its radius, px
  int half() const { return half_; }         // its rows go from -half to +half
  const std::vector<WindowRow>& rows() const { return rows_; }
  std::size_t pixels() const { return pixels_; }  // of the window
  std::size_t size() const { return size_; }      // floats per image, a multiple of 16
  const float* inside() const {
    return inside_.data();
  }  // 1 for each pixel, 0 for what fills up the last vector
  // 1 where no disk around the window's middle pixel reaches, else 0.
  const float* outside() const { return outside_.data(); }
  const float* row_of() const { return row_.data(); }  // of each pixel, from the window's middle
  const float* col_of() const { return col_.data(); }
  double area() const { return area_; }    // integral of T, px^2
  double reach() const { return reach_; }  // T is negligible beyond, px

 private:
  void lay_out();
  const float* tabulated(int i, int j) const {
    return table_.data() + static_cast<std::size_t>(i * (k_phases + 1) + j) * 3 * size_;
  }

  static constexpr int k_phases = 8;  // per px: a first-order step of 1/16 px is
                                      // then good to 0.2 % of the height
  int half_ = 0;
  std::size_t pixels_ = 0, size_ = 0;
  double radius_ = 0, edge_ = 0, area_ = 0, reach_ = 0, window_ = 0;
  std::vector<WindowRow> rows_;
  std::vector<float> inside_, outside_, row_, col_;
  std::vector<float> table_;  // (k_phases + 1)^2 templates; empty when that would be too large
};

}  // namespace bragglive::detail
