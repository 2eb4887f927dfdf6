// Disk detection: speed against the Fourier reference path and against reading
// the bytes, and accuracy over doses against the reference path with its best
// threshold. Every ratio is taken in one run, on one thread, in processor time.
#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

#include "core/detect/disk_detector.hpp"
#include "tests/unit/detect/best_f1.hpp"
#include "tests/unit/detect/fisher.hpp"
#include "tests/unit/detect/pattern_maker.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

template <class Work>
double seconds_per_call(const Work& work, double at_least) {
  work();
  const std::clock_t start = std::clock();
  int calls = 0;
  double seconds = 0;
  do {
    work();
    ++calls;
    seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  } while (seconds < at_least);
  return seconds / calls;
}

void speed(FrameShape shape, double radius, double dose, int disks, const char* wanted, double halo = 0) {
  PatternSpec spec;
  spec.shape = shape;
  spec.probe_radius = radius;
  spec.dose = dose;
  spec.disks = disks;
  spec.background = 0.1 * dose / 1e5;
  spec.halo = halo * dose;
  spec.min_spacing = radius > 5 ? 2.5 * radius : 3 * radius;
  std::vector<Pattern> patterns;
  for (std::uint64_t seed = 0; seed < 16; ++seed) patterns.push_back(make_pattern(spec, seed));
  DiskDetectorConfig config;
  config.probe_radius_px = radius;
  const auto detector = DiskDetector::create(config, shape).value();
  DiskDetector::Scratch scratch;
  BraggList found;
  FrameSums sums;
  std::size_t next = 0;
  std::size_t count = 0;
  const double fast = seconds_per_call(
      [&] {
        const Pattern& pattern = patterns[next++ % patterns.size()];
        (void)detector.detect(pattern.view(), shape.rows / 2.0, shape.cols / 2.0, scratch, found, sums);
        count += found.size();
      },
      0.6);
  const double per_frame = static_cast<double>(count) / static_cast<double>(next);
  Reference reference = reference_for(spec, Subpixel::poly, 2);
  RealImage image;
  const double slow = seconds_per_call(
      [&] {
        image = to_real(patterns[next++ % patterns.size()].view());
        (void)reference.detector.detect(image, reference.scratch, found);
      },
      0.4);
  std::vector<std::uint16_t> copy(shape.pixels());
  const double floor = seconds_per_call(
      [&] { std::memcpy(copy.data(), patterns[next++ % patterns.size()].counts.data(), copy.size() * 2); },
      0.1);
  std::printf(
      "%4u x %-4u R %4.1f dose %8.0f halo %.1f: %7.0f frames/s (%.1f disks), "
      "wanted %s; %5.0f x the Fourier path "
      "(%.0f/s); %.0f x the time of copying the frame\n",
      shape.rows, shape.cols, radius, dose, halo, 1 / fast, per_frame, wanted, slow / fast, 1 / slow,
      fast / floor);
}

void accuracy(double radius, double dose, double halo) {
  PatternSpec spec;
  spec.shape = {128, 128};
  spec.probe_radius = radius;
  spec.dose = dose;
  spec.halo = halo * dose;
  spec.background = dose * 1e-6;
  spec.disks = radius > 5 ? 10 : 20;
  spec.min_spacing = 2.5 * radius + 4;
  constexpr std::uint64_t k_patterns = 30;
  std::vector<Pattern> patterns;
  for (std::uint64_t seed = 0; seed < k_patterns; ++seed) patterns.push_back(make_pattern(spec, 1000 + seed));
  const double tolerance = std::max(1.5, 0.5 * radius);

  PositionErrors errors;
  Fast fast = fast_for(spec, DiskDetectorConfig{}.false_disks_per_frame);
  Tally tally;
  for (const Pattern& pattern : patterns) {
    const BraggList& found = fast.find(pattern);
    tally.add(compare(pattern.truth, found, tolerance));
    errors.add(pattern, spec, found);
  }
  const double best_fast = best_fast_f1(spec, patterns, tolerance);
  const double best_slow = best_reference_f1(spec, patterns, tolerance);
  std::printf(
      "R %4.1f dose %8.0f halo %.1f: F1 %.3f (default), %.3f (best); "
      "Fourier path with its best threshold "
      "%.3f; position error %.2f x Cramer-Rao; intensity %+.1f %%\n",
      radius, dose, halo, tally.f1(), best_fast, best_slow, errors.over_bound(),
      100 * errors.intensity_error());
}

}  // namespace

int main(int argc, char** argv) {
  const bool speed_only = argc > 1 && std::strcmp(argv[1], "speed") == 0;
  speed({192, 192}, 1.4, 5e4, 25, "10000");
  speed({192, 192}, 3, 5e4, 25, "10000");
  speed({192, 192}, 8, 5e4, 20, "10000", 0.3);
  speed({96, 96}, 1.4, 2e4, 25, "40000");
  speed({96, 96}, 3, 2e4, 25, "40000");
  speed({512, 512}, 4, 1e5, 25, "1200");
  speed({192, 192}, 3, 500, 25, "30000");
  if (speed_only) return 0;
  for (const double radius : {2.0, 4.0, 8.0, 12.0})
    for (const double dose : {1e2, 1e3, 1e4, 1e5, 1e6}) accuracy(radius, dose, 0.3);
}
