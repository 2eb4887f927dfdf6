#include "gui/colour/ramp.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gui/colour/oklab.hpp"

namespace bragglive::gui {
namespace {

// The largest chroma up to `wanted` that sRGB can show; clipping would put a false edge into the ramp.
QRgb shown(double lightness, double hue, double wanted) {
  for (double chroma = wanted;; chroma -= 0.004) {
    const Oklab colour{lightness, chroma * std::cos(hue), chroma * std::sin(hue)};
    const Oklab back = to_oklab(to_rgb(colour));
    if (chroma <= 0 ||
        std::hypot(back.lightness - colour.lightness, back.a - colour.a, back.b - colour.b) < 0.006)
      return to_rgb(colour);
  }
}

Ramp make_viridian() {
  Ramp colours{};
  for (int i = 0; i < 256; ++i) {
    const double t = i / 255.0;
    const double hue =
        (305 - 198 * std::pow(t, 0.9)) * std::numbers::pi / 180;  // violet, blue, teal, green, yellow
    colours[static_cast<std::size_t>(i)] = shown(0.26 + 0.66 * t, hue, 0.085 + 0.05 * t * t);
  }
  return colours;
}

Ramp make_grey() {
  Ramp colours{};
  for (int i = 0; i < 256; ++i)
    colours[static_cast<std::size_t>(i)] = to_rgb({0.16 + 0.84 * i / 255.0, 0, 0});
  return colours;
}

}  // namespace

const Ramp& ramp(RampKind kind) {
  static const Ramp viridian = make_viridian();
  static const Ramp grey = make_grey();
  return kind == RampKind::grey ? grey : viridian;
}

}  // namespace bragglive::gui
