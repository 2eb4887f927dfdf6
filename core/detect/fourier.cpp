#include "core/detect/fourier.hpp"

#define POCKETFFT_NO_MULTITHREADING
#include <gemmi/third_party/pocketfft_hdronly.h>

namespace bragglive::detail {
namespace {

struct Layout {
  pocketfft::shape_t shape;
  pocketfft::stride_t real, half;
  explicit Layout(FrameShape s)
      : shape{s.rows, s.cols},
        real{static_cast<std::ptrdiff_t>(s.cols * sizeof(double)), sizeof(double)},
        half{static_cast<std::ptrdiff_t>((s.cols / 2 + 1) * sizeof(std::complex<double>)),
             sizeof(std::complex<double>)} {}
};

}  // namespace

void forward(const RealImage& image, std::vector<std::complex<double>>& half) {
  const Layout layout(image.shape);
  half.resize(std::size_t{image.shape.rows} * (image.shape.cols / 2 + 1));
  pocketfft::r2c(layout.shape, layout.real, layout.half, {0, 1}, pocketfft::FORWARD, image.pixels.data(),
                 half.data(), 1.0);
}

void backward(const std::vector<std::complex<double>>& half, RealImage& image) {
  const Layout layout(image.shape);
  image.pixels.resize(image.shape.pixels());
  pocketfft::c2r(layout.shape, layout.half, layout.real, {0, 1}, pocketfft::BACKWARD, half.data(),
                 image.pixels.data(), 1.0 / static_cast<double>(image.shape.pixels()));
}

}  // namespace bragglive::detail
