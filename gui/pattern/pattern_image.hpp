// A detector frame as a grey picture with logarithmic contrast.
#pragma once
#include <QImage>

#include "plugin/session.hpp"

namespace bragglive::gui {

// The counts of one pixel; NaN outside the frame or when no pixels are kept.
double counts_at(const PositionDetail& detail, std::uint32_t row, std::uint32_t col);

// One picture element per pixel, log(1 + counts / unit), black at the median (the empty detector), white
// at the 99.95th percentile. The unit is what a weakly lit pixel counts (25th percentile of those above
// zero): one electron's counts differ from camera to camera. Null when the detail has no pixels or their
// number does not fit the shape.
QImage pattern_image(const PositionDetail& detail);

}  // namespace bragglive::gui
