// What a real detector does to frames, and what nobody should send.
#include <cstring>
#include <limits>

#include "core/detect/disk_detector.hpp"
#include "tests/catch.hpp"
#include "tests/unit/detect/pattern_maker.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

struct Run {
  DetectStatus status = DetectStatus::ok;
  BraggList disks;
  FrameSums sums;
};

Run run(const DiskDetectorConfig& config, const FrameView& view) {
  const auto detector = DiskDetector::create(config, view.shape);
  REQUIRE(detector);
  DiskDetector::Scratch scratch;
  Run result;
  result.status = detector->detect(view, view.shape.rows / 2.0, view.shape.cols / 2.0, scratch, result.disks,
                                   result.sums);
  return result;
}

Pattern bright_pattern(std::uint64_t seed = 1) {
  PatternSpec spec;
  spec.dose = 1e5;
  spec.background = 0.1;
  spec.weakest = 0.2;
  return make_pattern(spec, seed);
}

}  // namespace

TEST_CASE("hot pixels and cosmic rays are no disks") {
  Pattern pattern = bright_pattern();
  const BraggList before = run({}, pattern.view()).disks;
  std::mt19937_64 random(3);
  for (int i = 0; i < 12; ++i) {
    const std::size_t at = random() % pattern.counts.size();
    bool on_disk = false;
    for (const BraggPeak& disk : pattern.truth)
      on_disk |=
          std::hypot(disk.qx - static_cast<double>(at / 192), disk.qy - static_cast<double>(at % 192)) < 8;
    if (on_disk) continue;
    pattern.counts[at] = 30000;
    if (i % 3 == 0 && at % 192 < 190) pattern.counts[at + 1] = 9000;  // a track of two pixels
  }
  const Match match = compare(pattern.truth, run({}, pattern.view()).disks, 1);
  CHECK(match.hits == compare(pattern.truth, before, 1).hits);
  CHECK(match.false_found == 0);
}

TEST_CASE("hot pixels are no disks among single electrons, either") {
  PatternSpec spec;
  spec.dose = 300;
  spec.disks = 6;
  int hot = 0, false_before = 0, false_after = 0, hits_before = 0, hits_after = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Pattern pattern = make_pattern(spec, seed);
    const Match before = compare(pattern.truth, run({}, pattern.view()).disks, 3);
    for (const std::size_t at : {40 * 192 + 30, 150 * 192 + 60}) {
      const bool free = std::none_of(pattern.truth.begin(), pattern.truth.end(), [at](const BraggPeak& disk) {
        return std::hypot(disk.qx - static_cast<double>(at / 192), disk.qy - static_cast<double>(at % 192)) <
               8;
      });
      if (!free) continue;
      pattern.counts[at] = 40;
      ++hot;
    }
    const Match after = compare(pattern.truth, run({}, pattern.view()).disks, 3);
    false_before += before.false_found, false_after += after.false_found;
    hits_before += before.hits, hits_after += after.hits;
  }
  CAPTURE(hot, false_before, false_after, hits_before, hits_after);
  CHECK(hot > 30);
  CHECK(false_after <= false_before + 1);
  CHECK(hits_after >= hits_before - 2);  // beside them the background looks higher
}

TEST_CASE("a masked hot pixel inside a disk does not move it") {
  Pattern pattern = bright_pattern();
  const BraggPeak& disk = pattern.truth[3];
  const auto at = static_cast<std::uint32_t>(std::lround(disk.qx) * 192 + std::lround(disk.qy) + 1);
  pattern.counts[at] = 65535;
  DiskDetectorConfig config;
  config.masked_pixels = {at};
  const Match match = compare({disk}, run(config, pattern.view()).disks, 0.15);
  CHECK(match.hits == 1);
  CHECK(std::abs(match.intensity_bias) < 0.1);
}

TEST_CASE("a saturated direct beam leaves the other disks as they are") {
  Pattern pattern = bright_pattern();
  for (std::uint16_t& count : pattern.counts) count = std::min<std::uint16_t>(count, 200);
  const Match match = compare(pattern.truth, run({}, pattern.view()).disks, 0.5);
  CHECK(match.hits == static_cast<int>(pattern.truth.size()));
  CHECK(match.false_found == 0);
}

TEST_CASE("a detector gap makes no disks and loses only those in it") {
  Pattern pattern = bright_pattern(4);
  DiskDetectorConfig config;
  for (std::uint32_t row = 0; row < 192; ++row)
    for (std::uint32_t col = 60; col < 66; ++col) {
      config.masked_pixels.push_back(row * 192 + col);
      pattern.counts[row * 192 + col] = row % 2 ? 65535 : 0;
    }
  BraggList visible;
  for (const BraggPeak& disk : pattern.truth)
    if (std::abs(disk.qy - 62.5) > 8) visible.push_back(disk);
  const Match match = compare(pattern.truth, run(config, pattern.view()).disks, 1);
  CHECK(match.hits >= static_cast<int>(visible.size()));
  CHECK(match.false_found == 0);
}

TEST_CASE("a beam stop over the centre is survived") {
  Pattern pattern = bright_pattern(5);
  DiskDetectorConfig config;
  for (std::uint32_t row = 80; row < 112; ++row)
    for (std::uint32_t col = 0; col < 112; ++col)
      if (col > 80 || (row > 92 && row < 100)) {
        config.masked_pixels.push_back(row * 192 + col);
        pattern.counts[row * 192 + col] = 0;
      }
  const Match match = compare(pattern.truth, run(config, pattern.view()).disks, 1);
  CHECK(match.false_found == 0);
  CHECK(match.hits > 15);
}

TEST_CASE("every pixel type and unaligned pixels give the same disks") {
  Pattern pattern = bright_pattern();
  for (std::uint16_t& count : pattern.counts) count = std::min<std::uint16_t>(count, 255);
  const BraggList expected = run({}, pattern.view()).disks;
  REQUIRE(expected.size() > 20);
  const auto check_type = [&]<class Pixel>(Pixel, PixelType type) {
    std::vector<std::byte> bytes(pattern.counts.size() * sizeof(Pixel) + 1);
    for (std::size_t i = 0; i < pattern.counts.size(); ++i) {
      const auto value = static_cast<Pixel>(pattern.counts[i]);
      std::memcpy(bytes.data() + 1 + i * sizeof value, &value, sizeof value);
    }
    const BraggList found = run({}, {bytes.data() + 1, pattern.shape, type}).disks;
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i].qx == Approx(expected[i].qx).margin(1e-4));
      CHECK(found[i].intensity == Approx(expected[i].intensity).epsilon(1e-4));
    }
  };
  check_type(std::uint8_t{}, PixelType::u8);
  check_type(std::uint16_t{}, PixelType::u16);
  check_type(std::uint32_t{}, PixelType::u32);
  check_type(float{}, PixelType::f32);
}

TEST_CASE("scaled floats give the same disks as counts") {
  const Pattern pattern = bright_pattern();
  const BraggList expected = run({}, pattern.view()).disks;
  std::vector<float> scaled(pattern.counts.size());
  for (std::size_t i = 0; i < scaled.size(); ++i) scaled[i] = 3.7e-4f * static_cast<float>(pattern.counts[i]);
  const BraggList found = run({}, {scaled.data(), pattern.shape, PixelType::f32}).disks;
  const Match match = compare(expected, found, 0.05);
  CHECK(match.hits >= static_cast<int>(expected.size()) - 1);
  CHECK(match.false_found <= 1);
  CHECK(match.intensity_bias + 1 == Approx(3.7e-4).epsilon(0.01));
}

TEST_CASE("a camera with a gain does not flood the list") {
  Pattern pattern = bright_pattern();
  std::vector<std::uint16_t> camera(pattern.counts.size());
  for (std::size_t i = 0; i < camera.size(); ++i)
    camera[i] = static_cast<std::uint16_t>(std::min(65535, 40 * pattern.counts[i]));
  const Match match =
      compare(pattern.truth, run({}, {camera.data(), pattern.shape, PixelType::u16}).disks, 1);
  CHECK(match.false_found <= 5);
  CHECK(match.hits > 20);
}

TEST_CASE("frames without a picture are named, not searched") {
  const FrameShape shape{64, 48};
  std::vector<std::uint16_t> zeros(shape.pixels(), 0);
  CHECK(run({}, {zeros.data(), shape, PixelType::u16}).status == DetectStatus::blank);
  std::vector<std::uint16_t> full(shape.pixels(), 65535);
  CHECK(run({}, {full.data(), shape, PixelType::u16}).status == DetectStatus::saturated);
  std::vector<std::uint32_t> full32(shape.pixels(), std::numeric_limits<std::uint32_t>::max());
  CHECK(run({}, {full32.data(), shape, PixelType::u32}).status == DetectStatus::saturated);
  std::vector<float> negative(shape.pixels(), -1.0f);
  CHECK(run({}, {negative.data(), shape, PixelType::f32}).status == DetectStatus::blank);
  std::vector<float> nan(shape.pixels(), 1.0f);
  nan[100] = std::numeric_limits<float>::quiet_NaN();
  const Run broken = run({}, {nan.data(), shape, PixelType::f32});
  CHECK(broken.status == DetectStatus::not_finite);
  CHECK(broken.disks.empty());
  DiskDetectorConfig masked;
  masked.masked_pixels = {100};
  CHECK(run(masked, {nan.data(), shape, PixelType::f32}).status == DetectStatus::ok);
  std::vector<std::uint16_t> flat(shape.pixels(), 7);
  CHECK(run({}, {flat.data(), shape, PixelType::u16}).disks.empty());
  std::vector<std::uint16_t> one(shape.pixels(), 0);
  one[30 * 48 + 20] = 1000;
  CHECK(run({}, {one.data(), shape, PixelType::u16}).disks.empty());
}

TEST_CASE("non-square frames and the sums beside the disks") {
  PatternSpec spec;
  spec.shape = {60, 150};
  spec.disks = 6;
  spec.dose = 5e4;
  const Pattern pattern = make_pattern(spec, 2);
  const auto detector = DiskDetector::create({}, spec.shape);
  REQUIRE(detector);
  DiskDetector::Scratch scratch;
  BraggList disks;
  FrameSums sums;
  REQUIRE(detector->detect(pattern.view(), pattern.truth[0].qx, pattern.truth[0].qy, scratch, disks, sums) ==
          DetectStatus::ok);
  CHECK(compare(pattern.truth, disks, 0.5).hits == static_cast<int>(pattern.truth.size()));
  double total = 0;
  double bright = 0;
  for (std::size_t i = 0; i < pattern.counts.size(); ++i) {
    total += pattern.counts[i];
    const double row = static_cast<double>(i / 150) - pattern.truth[0].qx;
    const double col = static_cast<double>(i % 150) - pattern.truth[0].qy;
    if (row * row + col * col <= 4.5 * 4.5) bright += pattern.counts[i];
  }
  CHECK(sums.bright_field == Approx(bright));
  CHECK(sums.bright_field + sums.dark_field == Approx(total));
  CHECK(detector->detect(pattern.view(), std::nan(""), 0, scratch, disks, sums) == DetectStatus::ok);
  CHECK(sums.bright_field == 0);
}

TEST_CASE("settings that cannot work are refused with a reason") {
  const FrameShape shape{64, 64};
  const auto refused = [&](auto change) {
    DiskDetectorConfig config;
    change(config);
    const auto made = DiskDetector::create(config, shape);
    return !made && made.error().message.size() > 20;
  };
  CHECK(refused([](auto& c) { c.probe_radius_px = 40; }));
  CHECK(refused([](auto& c) { c.probe_radius_px = 0.2; }));
  CHECK(refused([](auto& c) { c.probe_radius_px = std::nan(""); }));
  CHECK(refused([](auto& c) { c.false_disks_per_frame = 0; }));
  CHECK(refused([](auto& c) { c.min_counts = -1; }));
  CHECK(refused([](auto& c) { c.min_relative = 1; }));
  CHECK(refused([](auto& c) { c.max_disks = 0; }));
  CHECK(refused([](auto& c) { c.variance_per_count = -2; }));
  CHECK(refused([](auto& c) { c.masked_pixels = {64 * 64}; }));
  CHECK(refused([](auto& c) {
    for (std::uint32_t i = 0; i < 64 * 64; ++i) c.masked_pixels.push_back(i);
  }));
  CHECK_FALSE(DiskDetector::create({}, {0, 64}).has_value());
  CHECK_FALSE(DiskDetector::create({}, {1, 1}).has_value());
  CHECK_FALSE(DiskDetector::create({}, {64, k_max_detector_side + 1}).has_value());
}

TEST_CASE("every option changes something") {
  const Pattern pattern = bright_pattern();
  const std::size_t usual = run({}, pattern.view()).disks.size();
  DiskDetectorConfig config;
  config.max_disks = 5;
  CHECK(run(config, pattern.view()).disks.size() == 5);
  config = {};
  config.min_counts = 2000;
  for (const BraggPeak& disk : run(config, pattern.view()).disks) CHECK(disk.intensity >= 2000);
  CHECK(run(config, pattern.view()).disks.size() < usual);
  config = {};
  config.min_relative = 0.5;
  CHECK(run(config, pattern.view()).disks.size() < usual);
  config = {};
  config.min_spacing_px = 40;
  CHECK(run(config, pattern.view()).disks.size() < usual);
  config = {};
  config.edge_px = 60;
  for (const BraggPeak& disk : run(config, pattern.view()).disks) CHECK(std::min(disk.qx, disk.qy) >= 59);
  config = {};
  config.variance_per_count = 400;
  CHECK(run(config, pattern.view()).disks.size() < usual);
  PatternSpec dim;
  dim.dose = 600;
  const Pattern weak = make_pattern(dim, 3);
  DiskDetectorConfig strict;
  strict.false_disks_per_frame = 1e-6;
  DiskDetectorConfig loose;
  loose.false_disks_per_frame = 2;
  CHECK(run(strict, weak.view()).disks.size() < run(loose, weak.view()).disks.size());
  DiskDetectorConfig soft;
  soft.probe_edge_px = 3;
  CHECK(run(soft, pattern.view()).disks[0].qx != run({}, pattern.view()).disks[0].qx);
}

TEST_CASE("the rings of a powder are no disks, spots that stand out from them are") {
  Pattern pattern;
  pattern.shape = {192, 192};
  pattern.expected.assign(192 * 192, 1.0);
  const double row = 94.6;
  const double col = 97.3;
  for (int r = 0; r < 192; ++r)
    for (int c = 0; c < 192; ++c) {
      const double q = std::hypot((r - row) * 1.012, (c - col) / 1.012);  // a little elliptical
      for (const double ring : {35.0, 41.0, 57.0, 67.0})
        pattern.expected[static_cast<std::size_t>(r * 192 + c)] +=
            40 * std::exp(-(q - ring) * (q - ring) / 8);
    }
  add_disk(pattern.expected, pattern.shape, row, col, 30000, 3, 1);
  std::mt19937_64 random(6);
  draw_counts(pattern, random);
  const Run powder = run({}, pattern.view());
  CHECK(powder.status == DetectStatus::rings);
  CHECK(powder.disks.size() <= 4);
  REQUIRE_FALSE(powder.disks.empty());
  CHECK(std::hypot(powder.disks[0].qx - row, powder.disks[0].qy - col) < 0.1);
  // Grains large enough for spots of their own, on the second ring.
  const BraggList spots{{row + 41 * 0.8, col + 41 * 0.6, 4000}, {row - 41, col, 4000}};
  for (const BraggPeak& spot : spots)
    add_disk(pattern.expected, pattern.shape, spot.qx, spot.qy, spot.intensity, 3, 1);
  draw_counts(pattern, random);
  const Match match = compare(spots, run({}, pattern.view()).disks, 1.5);
  CHECK(match.hits == 2);
}

TEST_CASE("disks that nearly touch along a circle stay disks") {
  // Six and twelve of them on circles about the beam, closer than two diameters.
  for (const int around : {6, 12}) {
    Pattern pattern;
    pattern.shape = {192, 192};
    pattern.expected.assign(192 * 192, 0.3);
    BraggList truth{{95.4, 96.2, 20000}};
    const double radius = around * 7.5 / (2 * std::numbers::pi) + 20;
    for (int i = 0; i < around; ++i) {
      const double turn = 0.1 + i * 7.5 / radius;
      truth.push_back({95.4 + radius * std::cos(turn), 96.2 + radius * std::sin(turn), 3000});
    }
    for (const BraggPeak& disk : truth)
      add_disk(pattern.expected, pattern.shape, disk.qx, disk.qy, disk.intensity, 3, 1);
    std::mt19937_64 random(2);
    draw_counts(pattern, random);
    const Run found = run({}, pattern.view());
    CHECK(found.status == DetectStatus::ok);
    CHECK(compare(truth, found.disks, 1).f1() == 1);
  }
}
