// Colours in a perceptual space, so that mixing towards the ground changes lightness and keeps the hue.
#pragma once
#include <QColor>

namespace bragglive::gui {

// Oklab (Ottosson 2020, https://bottosson.github.io/posts/oklab/): L 0..1, a and b about -0.4..0.4.
struct Oklab {
  double lightness = 0, a = 0, b = 0;
};

Oklab to_oklab(QRgb colour);
// Colours outside sRGB are clipped channel by channel.
QRgb to_rgb(const Oklab& colour);
// share 0 = from, 1 = to.
QRgb mix(QRgb from, QRgb to, double share);

}  // namespace bragglive::gui
