// Colour maps for numbers: lightness rises evenly, so that equal steps look equal and grey prints keep the
// order.
#pragma once
#include <QColor>
#include <array>
#include <cstdint>

namespace bragglive::gui {

enum class RampKind : std::uint8_t { viridian = 1, grey };

using Ramp = std::array<QRgb, 256>;
// viridian: violet over teal to yellow, made in Oklab with even steps of lightness (0.26 to 0.92), so that
// neither end can be taken for the ground or for the white of a skipped position. grey: for diffraction
// patterns.
const Ramp& ramp(RampKind kind);

}  // namespace bragglive::gui
