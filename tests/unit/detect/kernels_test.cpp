// The vectorised passes against the plain sums they stand for.
#include <random>

#include "core/detect/candidate_search.hpp"
#include "core/detect/disk_plan.hpp"
#include "core/detect/reduced_frame.hpp"
#include "core/detect/significance.hpp"
#include "tests/catch.hpp"
#include "tests/unit/detect/pattern_maker.hpp"

using namespace bragglive;

namespace {

constexpr InstructionSet k_sets[] = {InstructionSet::plain, InstructionSet::avx2, InstructionSet::avx512};

void check_same(const BraggList& disks, const BraggList& expected) {
  REQUIRE(disks.size() == expected.size());
  for (std::size_t i = 0; i < disks.size(); ++i) {
    CHECK(disks[i].qx == Approx(expected[i].qx).margin(2e-3));
    CHECK(disks[i].qy == Approx(expected[i].qy).margin(2e-3));
    CHECK(disks[i].intensity == Approx(expected[i].intensity).epsilon(2e-3));
  }
}

}  // namespace

TEST_CASE(
    "disk sums are the sums of the disk's cells, up to the border, with "
    "every instruction set") {
  std::mt19937 random(7);
  for (const InstructionSet set : k_sets)
    for (const FrameShape shape : {FrameShape{40, 37}, FrameShape{33, 130}, FrameShape{64, 64}})
      for (const double radius : {0.8, 1.4, 3.0, 7.5}) {
        if (!detail::has(set)) continue;
        std::vector<std::uint16_t> pixels(shape.pixels());
        for (std::uint16_t& pixel : pixels) pixel = static_cast<std::uint16_t>(random() % 3);
        DiskDetectorConfig config;
        config.probe_radius_px = radius;
        config.instruction_set = set;
        const auto detector = DiskDetector::create(config, shape);
        REQUIRE(detector);
        const DiskDetector::Plan& plan = detector->plan();
        detail::ReducedFrame frame;
        REQUIRE(detail::reduce_frame(plan, {pixels.data(), shape, PixelType::u16}, frame) ==
                DetectStatus::ok);
        CHECK(frame.unit == 1);
        detail::SearchScratch scratch;
        detail::find_candidates(plan, PixelType::u16, frame, scratch);
        const auto mirrored = [](int i, int side) {
          return i < 0 ? -1 - i : i < side ? i : 2 * side - 1 - i;
        };
        const auto cell = [&](int row, int col) {
          int sum = 0;
          for (int r = row * plan.block; r < (row + 1) * plan.block; ++r)
            for (int c = col * plan.block; c < (col + 1) * plan.block; ++c)
              if (r < static_cast<int>(shape.rows) && c < static_cast<int>(shape.cols))
                sum += pixels[static_cast<std::size_t>(r) * shape.cols + static_cast<std::size_t>(c)];
          return sum;
        };
        const double sum_radius = radius / plan.block + 0.35;
        const int reach = static_cast<int>(sum_radius);
        std::size_t wrong = 0;
        for (int row = 0; row < plan.cell_rows; ++row)
          for (int col = 0; col < plan.cell_cols; ++col) {
            int expected = 0;
            for (int r = -reach; r <= reach; ++r)
              for (int c = -reach; c <= reach; ++c)
                if (r * r + c * c <= sum_radius * sum_radius)
                  expected += cell(mirrored(row + r, plan.cell_rows), mirrored(col + c, plan.cell_cols));
            wrong +=
                expected != scratch.sums.data()[plan.origin + static_cast<std::size_t>(row) * plan.stride +
                                                static_cast<std::size_t>(col)];
          }
        CAPTURE(shape.rows, shape.cols, radius, static_cast<int>(set));
        CHECK(wrong == 0);
      }
}

TEST_CASE("every instruction set finds the same disks") {
  test::PatternSpec spec;
  spec.dose = 3e4;
  spec.background = 0.2;
  for (const double radius : {1.4, 3.0, 6.5}) {
    spec.probe_radius = radius;
    spec.min_spacing = 3 * radius + 4;
    const test::Pattern pattern = test::make_pattern(spec, 11);
    const auto check_type = [&]<class Pixel>(Pixel, PixelType type) {
      std::vector<Pixel> pixels(pattern.counts.begin(), pattern.counts.end());
      BraggList expected;
      for (const InstructionSet set : k_sets) {
        DiskDetectorConfig config;
        config.probe_radius_px = radius;
        config.instruction_set = set;
        const auto detector = DiskDetector::create(config, spec.shape);
        CHECK(detector.has_value() == detail::has(set));
        if (!detector) continue;
        DiskDetector::Scratch scratch;
        BraggList disks;
        FrameSums sums;
        REQUIRE(detector->detect({pixels.data(), spec.shape, type}, 96, 96, scratch, disks, sums) ==
                DetectStatus::ok);
        if (set == InstructionSet::plain) expected = disks;
        CHECK(disks.size() > 10);
        check_same(disks, expected);
      }
    };
    check_type(std::uint16_t{}, PixelType::u16);
    check_type(std::uint32_t{}, PixelType::u32);
    check_type(float{}, PixelType::f32);
  }
}

TEST_CASE("every instruction set and every pixel type finds the same disks among single electrons") {
  test::PatternSpec spec;
  spec.shape = {101, 147};  // no whole vectors
  spec.dose = 400;
  spec.halo = 60;
  for (const double radius : {2.2, 4.0, 11.0}) {
    spec.probe_radius = radius;
    spec.disks = 8;
    spec.min_spacing = 2.5 * radius;
    const test::Pattern pattern = test::make_pattern(spec, 12);
    BraggList expected;
    const auto check_type = [&]<class Pixel>(Pixel, PixelType type) {
      std::vector<Pixel> pixels(pattern.counts.begin(), pattern.counts.end());
      for (const InstructionSet set : k_sets) {
        if (!detail::has(set)) continue;
        DiskDetectorConfig config;
        config.probe_radius_px = radius;
        config.instruction_set = set;
        const auto detector = DiskDetector::create(config, spec.shape);
        REQUIRE(detector);
        DiskDetector::Scratch scratch;
        BraggList disks;
        FrameSums sums;
        REQUIRE(detector->detect({pixels.data(), spec.shape, type}, 50, 73, scratch, disks, sums) ==
                DetectStatus::ok);
        if (expected.empty()) expected = disks;
        CAPTURE(radius, static_cast<int>(type), static_cast<int>(set));
        CHECK(disks.size() >= 4);
        check_same(disks, expected);
      }
    };
    check_type(std::uint8_t{}, PixelType::u8);
    check_type(std::uint16_t{}, PixelType::u16);
    check_type(std::uint32_t{}, PixelType::u32);
    check_type(float{}, PixelType::f32);
  }
}

TEST_CASE("quantiles and significances are those of the tables") {
  CHECK(detail::normal_quantile_above(0.5) == Approx(0).margin(1e-9));
  CHECK(detail::normal_quantile_above(0.158655) == Approx(1).epsilon(1e-5));
  CHECK(detail::normal_quantile_above(2.866516e-7) == Approx(5).epsilon(1e-6));
  // Equal rates are not significant; a hundred against nine in as large a
  // region are many standard deviations.
  CHECK(detail::li_ma(10, 20, 0.5) == 0);
  CHECK(detail::li_ma(100, 9, 1) > 8);
  CHECK(detail::li_ma(5, 0, 0.2) > 3.5);
}
