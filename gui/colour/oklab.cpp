#include "gui/colour/oklab.hpp"

#include <algorithm>
#include <cmath>

namespace bragglive::gui {
namespace {

double linear(int channel) {
  const double c = channel / 255.0;
  return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
}

int encoded(double channel) {
  const double c = std::clamp(channel, 0.0, 1.0);
  const double e = c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1 / 2.4) - 0.055;
  return static_cast<int>(std::lround(255 * e));
}

double cube(double x) {
  return x * x * x;
}

}  // namespace

Oklab to_oklab(QRgb colour) {
  const double r = linear(qRed(colour)), g = linear(qGreen(colour)), b = linear(qBlue(colour));
  const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

QRgb to_rgb(const Oklab& colour) {
  const double l = cube(colour.lightness + 0.3963377774 * colour.a + 0.2158037573 * colour.b);
  const double m = cube(colour.lightness - 0.1055613458 * colour.a - 0.0638541728 * colour.b);
  const double s = cube(colour.lightness - 0.0894841775 * colour.a - 1.2914855480 * colour.b);
  return qRgb(encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
              encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
              encoded(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s));
}

QRgb mix(QRgb from, QRgb to, double share) {
  const Oklab x = to_oklab(from), y = to_oklab(to);
  return to_rgb({x.lightness + share * (y.lightness - x.lightness), x.a + share * (y.a - x.a),
                 x.b + share * (y.b - x.b)});
}

}  // namespace bragglive::gui
