// Virtual detectors against sums written out.
#include <cstring>

#include "core/detect/disk_detector.hpp"
#include "tests/catch.hpp"
#include "tests/unit/detect/pattern_maker.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

template <class Pixel>
void check(const std::vector<Pixel>& pixels, FrameShape shape, PixelType type, InstructionSet set) {
  DiskDetectorConfig config;
  config.annular_inner_px = 11;
  config.annular_outer_px = 30;
  config.instruction_set = set;
  const auto detector = DiskDetector::create(config, shape);
  if (!detector) return;  // a processor without this instruction set
  const double row = 40.3;
  const double col = 51.8;
  DiskDetector::Scratch scratch;
  BraggList disks;
  FrameSums sums;
  REQUIRE(detector->detect({pixels.data(), shape, type}, row, col, scratch, disks, sums) == DetectStatus::ok);
  double all = 0, bright = 0, ring = 0, by_row = 0, by_col = 0;
  for (std::uint32_t r = 0; r < shape.rows; ++r)
    for (std::uint32_t c = 0; c < shape.cols; ++c) {
      const auto value = static_cast<double>(pixels[r * shape.cols + c]);
      const double distance = std::hypot(r - row, c - col);
      all += value;
      by_row += value * r;
      by_col += value * c;
      if (distance <= 1.5 * config.probe_radius_px) bright += value;
      if (distance > 11 && distance <= 30) ring += value;
    }
  CHECK(sums.bright_field == Approx(bright));
  CHECK(sums.dark_field == Approx(all - bright));
  CHECK(sums.annular_dark_field == Approx(ring));
  CHECK(sums.com_row == Approx(by_row / all - row).margin(1e-4));
  CHECK(sums.com_col == Approx(by_col / all - col).margin(1e-4));
}

}  // namespace

TEST_CASE("circles and the centre of mass are what a plain loop says, for every pixel type and processor") {
  const FrameShape shape{90, 307};  // not square, longer than a block of sums
  std::mt19937_64 random(4);
  std::vector<std::uint16_t> u16(shape.pixels());
  for (auto& value : u16) value = static_cast<std::uint16_t>(random() % 60000);
  const std::vector<std::uint8_t> u8(u16.begin(), u16.end());
  const std::vector<std::uint32_t> u32(u16.begin(), u16.end());
  const std::vector<float> f32(u16.begin(), u16.end());
  for (const auto set :
       {InstructionSet::best, InstructionSet::plain, InstructionSet::avx2, InstructionSet::avx512}) {
    check(u8, shape, PixelType::u8, set);
    check(u16, shape, PixelType::u16, set);
    check(u32, shape, PixelType::u32, set);
    check(f32, shape, PixelType::f32, set);
  }
}

TEST_CASE("an annular detector that is no ring is refused") {
  DiskDetectorConfig config;
  config.annular_inner_px = 20;
  config.annular_outer_px = 10;
  CHECK_FALSE(DiskDetector::create(config, {64, 64}).has_value());
  config.annular_outer_px = std::nan("");
  CHECK_FALSE(DiskDetector::create(config, {64, 64}).has_value());
}
