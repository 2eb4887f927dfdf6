#include "core/detect/frame_loader.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/detect/disk_plan.hpp"
#include "core/detect/simd.hpp"

namespace bragglive::detail {
namespace {

using Plan = DiskDetector::Plan;
constexpr double k_largest_disk_sum = 536870912;  // 2^29: pairs of sums and their halves stay inside 32 bits

template <class Pixel>
Pixel pixel_at(const std::byte* bytes, std::size_t index) {
  Pixel value;
  std::memcpy(&value, bytes + index * sizeof value, sizeof value);
  return value;
}

struct RowStats {
  std::uint64_t sum = 0;
  bool all_most = true;  // every pixel at the type's maximum
};

template <class Pixel>
BL_INLINE RowStats copy_row_body(const std::byte* from, std::size_t n, std::uint16_t* to) {
  std::uint32_t sum = 0;  // 4096 x 65535 fits
  std::uint32_t least = std::numeric_limits<Pixel>::max();
  for (std::size_t i = 0; i < n; ++i) {
    const Pixel value = pixel_at<Pixel>(from, i);
    to[i] = value;
    sum += value;
    least = std::min<std::uint32_t>(least, value);
  }
  return {sum, least == std::numeric_limits<Pixel>::max()};
}

template <class Pixel>
RowStats copy_row_plain(const std::byte* from, std::size_t n, std::uint16_t* to) {
  return copy_row_body<Pixel>(from, n, to);
}
#ifdef BL_SIMD_X86
template <class Pixel>
BL_AVX2 RowStats copy_row_avx2(const std::byte* from, std::size_t n, std::uint16_t* to) {
  return copy_row_body<Pixel>(from, n, to);
}
#endif

template <class Pixel>
DetectStatus load_narrow(const Plan& p, const FrameView& frame, WorkingFrame& out) {
  auto copy_row = &copy_row_plain<Pixel>;
#ifdef BL_SIMD_X86
  if (simd_level() != SimdLevel::plain) copy_row = &copy_row_avx2<Pixel>;
#endif
  const auto* bytes = static_cast<const std::byte*>(frame.pixels);
  std::uint64_t total = 0;
  bool saturated = true;
  for (std::size_t row = 0; row < p.shape.rows; ++row) {
    const RowStats stats = copy_row(bytes + row * p.shape.cols * sizeof(Pixel), p.shape.cols,
                                    out.narrow.data() + p.origin + row * p.stride);
    total += stats.sum;
    saturated = saturated && stats.all_most;
  }
  out.unit = 1;
  if (total == 0) return DetectStatus::blank;
  return saturated ? DetectStatus::saturated : DetectStatus::ok;
}

struct Range {
  double most = 0;
  bool saturated = true;
  bool whole = true;  // whole numbers only
  std::size_t not_finite = 0;
};

// Masked pixels do not count: they may hold anything.
template <class Pixel>
Range range_of(const Plan& p, const std::byte* bytes) {
  Range range;
  for (std::size_t row = 0; row < p.shape.rows; ++row)
    for (std::size_t col = 0; col < p.shape.cols; ++col) {
      const Pixel value = pixel_at<Pixel>(bytes, row * p.shape.cols + col);
      if (!p.usable.empty() && !p.usable[p.origin + row * p.stride + col]) continue;
      if constexpr (std::is_floating_point_v<Pixel>) {
        if (!std::isfinite(value)) {
          ++range.not_finite;
          continue;
        }
        range.whole = range.whole && value == std::nearbyint(value);
      }
      range.most = std::max(range.most, static_cast<double>(value));
      range.saturated = range.saturated && value == std::numeric_limits<Pixel>::max();
    }
  return range;
}

template <class Pixel>
DetectStatus load_wide(const Plan& p, const FrameView& frame, WorkingFrame& out) {
  const auto* bytes = static_cast<const std::byte*>(frame.pixels);
  const Range range = range_of<Pixel>(p, bytes);
  if (range.not_finite > 0) return DetectStatus::not_finite;
  if (range.most <= 0) return DetectStatus::blank;
  if (range.saturated) return DetectStatus::saturated;
  const double room = k_largest_disk_sum / static_cast<double>(p.disk.size()) / range.most;
  // Counts stay counts if they can; anything else gets all the resolution there is.
  const double scale = range.whole ? std::min(1.0, room) : room;
  const float factor = static_cast<float>(scale);
  const auto most = static_cast<float>(range.most * scale);
  for (std::size_t row = 0; row < p.shape.rows; ++row) {
    std::uint32_t* to = out.wide_image.data() + p.origin + row * p.stride;
    for (std::size_t col = 0; col < p.shape.cols; ++col) {
      const float value = static_cast<float>(pixel_at<Pixel>(bytes, row * p.shape.cols + col)) * factor;
      // The comparison is false for NaN, which only masked pixels hold here.
      to[col] = value > 0 ? static_cast<std::uint32_t>(std::min(value, most) + 0.5f) : 0;
    }
  }
  out.unit = 1 / scale;
  return DetectStatus::ok;
}

template <class Pixel>
void patch(const Plan& p, Pixel* image) {
  const auto place = [&](std::uint32_t pixel) {
    return p.origin + pixel / p.shape.cols * p.stride + pixel % p.shape.cols;
  };
  for (const Plan::Patch& patch : p.patches) {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < patch.count; ++i) sum += image[place(patch.from[i])];
    image[place(patch.pixel)] = static_cast<Pixel>((sum + patch.count / 2) / patch.count);
  }
}

template <class Pixel>
double sum_of(const Plan& p, const Pixel* image) {
  std::uint64_t total = 0;
  for (std::size_t row = 0; row < p.shape.rows; ++row) {
    const Pixel* line = image + p.origin + row * p.stride;
    for (std::size_t col = 0; col < p.shape.cols; ++col) total += line[col];
  }
  return static_cast<double>(total);
}

}  // namespace

DetectStatus load_frame(const Plan& p, const FrameView& frame, WorkingFrame& out) noexcept {
  const bool small = frame.type == PixelType::u8 || frame.type == PixelType::u16;
  out.wide = !small || 65535.0 * static_cast<double>(p.disk.size()) > k_largest_disk_sum;
  if (out.stride != p.stride || out.origin != p.origin || out.rows != p.shape.rows) {
    out.narrow.clear();
    out.wide_image.clear();
    out.stride = p.stride;
    out.origin = p.origin;
    out.rows = p.shape.rows;
  }
  // Only the frame's pixels are ever written, so the border stays zero.
  if (out.wide && out.wide_image.size() != p.cells) out.wide_image.assign(p.cells, 0);
  if (!out.wide && out.narrow.size() != p.cells) out.narrow.assign(p.cells, 0);
  DetectStatus status = DetectStatus::ok;
  switch (frame.type) {
    case PixelType::u8:
      status = out.wide ? load_wide<std::uint8_t>(p, frame, out) : load_narrow<std::uint8_t>(p, frame, out);
      break;
    case PixelType::u16:
      status = out.wide ? load_wide<std::uint16_t>(p, frame, out) : load_narrow<std::uint16_t>(p, frame, out);
      break;
    case PixelType::u32:
      status = load_wide<std::uint32_t>(p, frame, out);
      break;
    case PixelType::f32:
      status = load_wide<float>(p, frame, out);
      break;
  }
  if (status != DetectStatus::ok) return status;
  if (out.wide) {
    patch(p, out.wide_image.data());
    out.total = sum_of(p, out.wide_image.data());
  } else {
    patch(p, out.narrow.data());
    out.total = sum_of(p, out.narrow.data());
  }
  return out.total > 0 ? DetectStatus::ok : DetectStatus::blank;
}

}  // namespace bragglive::detail
