#include "gui/pattern/pattern_image.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "gui/colour/ramp.hpp"

namespace bragglive::gui {
namespace {

template <class T>
float load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return static_cast<float>(value);
}

float load(const PositionDetail& d, std::size_t pixel) {
  const std::byte* from = d.pixels.data() + pixel * bytes_per_pixel(d.type);
  switch (d.type) {
    case PixelType::u8:
      return load<std::uint8_t>(from);
    case PixelType::u16:
      return load<std::uint16_t>(from);
    case PixelType::u32:
      return load<std::uint32_t>(from);
    case PixelType::f32:
      return load<float>(from);
  }
  return 0;
}

bool has_pixels(const PositionDetail& d) {
  return d.shape.pixels() > 0 && d.pixels.size() == d.shape.pixels() * bytes_per_pixel(d.type);
}

float percentile(std::vector<float>& values, double p) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(p * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

double counts_at(const PositionDetail& detail, std::uint32_t row, std::uint32_t col) {
  if (!has_pixels(detail) || row >= detail.shape.rows || col >= detail.shape.cols)
    return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(load(detail, std::size_t{row} * detail.shape.cols + col));
}

QImage pattern_image(const PositionDetail& detail) {
  if (!has_pixels(detail)) return {};
  std::vector<float> values(detail.shape.pixels());
  std::vector<float> positive;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float counts = load(detail, i);
    values[i] = std::isfinite(counts) && counts > 0 ? counts : 0.0F;
    if (values[i] > 0) positive.push_back(values[i]);
  }
  const float unit = positive.empty() ? 1.0F : percentile(positive, 0.25);
  for (float& v : values) v = std::log1p(v / unit);
  std::vector<float> sorted = values;
  const float high = percentile(sorted, 0.9995);
  const float low = std::min(percentile(sorted, 0.5), 0.5F * high);
  const float scale = high > low ? 255.0F / (high - low) : 0.0F;
  const Ramp& grey = ramp(RampKind::grey);
  QImage image(static_cast<int>(detail.shape.cols), static_cast<int>(detail.shape.rows),
               QImage::Format_RGB32);
  for (std::uint32_t r = 0; r < detail.shape.rows; ++r) {
    auto* line = reinterpret_cast<QRgb*>(image.scanLine(static_cast<int>(r)));
    for (std::uint32_t c = 0; c < detail.shape.cols; ++c) {
      const float v = (values[std::size_t{r} * detail.shape.cols + c] - low) * scale;
      line[c] = grey[static_cast<std::size_t>(std::clamp(v, 0.0F, 255.0F))];
    }
  }
  return image;
}

}  // namespace bragglive::gui
