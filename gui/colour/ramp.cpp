#include "gui/colour/ramp.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gui/colour/oklab.hpp"

namespace bragglive::gui {
namespace {

Ramp make_viridian() {
  Ramp colours{};
  for (int i = 0; i < 256; ++i) {
    const double t = i / 255.0;
    const double hue = (310 - 205 * t) * std::numbers::pi / 180;  // violet, blue, teal, green, yellow
    const double chroma =
        0.07 + 0.085 * std::sin(std::numbers::pi * std::pow(t, 0.8)) * (1 - 0.35 * t) + 0.05 * t;
    colours[static_cast<std::size_t>(i)] =
        to_rgb({0.24 + 0.71 * t, chroma * std::cos(hue), chroma * std::sin(hue)});
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
