// The vectorised passes against the plain sums they stand for.
#include <random>

#include "core/detect/candidate_search.hpp"
#include "core/detect/disk_plan.hpp"
#include "core/detect/frame_loader.hpp"
#include "core/detect/significance.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

TEST_CASE("disk sums are the sums of the disk's pixels, up to the border") {
  std::mt19937 random(7);
  for (const FrameShape shape : {FrameShape{40, 37}, FrameShape{33, 130}, FrameShape{64, 64}})
    for (const double radius : {0.8, 1.4, 3.0, 7.5}) {
      std::vector<std::uint16_t> pixels(shape.pixels());
      for (std::uint16_t& pixel : pixels) pixel = static_cast<std::uint16_t>(random() % 300);
      DiskDetectorConfig config;
      config.probe_radius_px = radius;
      const auto detector = DiskDetector::create(config, shape);
      REQUIRE(detector);
      const DiskDetector::Plan& plan = detector->plan();
      detail::WorkingFrame frame;
      REQUIRE(detail::load_frame(plan, {pixels.data(), shape, PixelType::u16}, frame) == DetectStatus::ok);
      detail::SearchScratch scratch;
      (void)detail::find_candidates(plan, frame, scratch);
      std::size_t wrong = 0;
      const double sum_radius = radius + 0.35;
      for (int row = 0; row < static_cast<int>(shape.rows); ++row)
        for (int col = 0; col < static_cast<int>(shape.cols); ++col) {
          std::int64_t expected = 0;
          for (int r = 0; r < static_cast<int>(shape.rows); ++r)
            for (int c = 0; c < static_cast<int>(shape.cols); ++c)
              if ((r - row) * (r - row) + (c - col) * (c - col) <= sum_radius * sum_radius)
                expected += pixels[static_cast<std::size_t>(r) * shape.cols + static_cast<std::size_t>(c)];
          wrong += expected != scratch.sums[plan.origin + static_cast<std::size_t>(row) * plan.stride +
                                            static_cast<std::size_t>(col)];
        }
      CAPTURE(shape.rows, shape.cols, radius);
      CHECK(wrong == 0);
    }
}

TEST_CASE("quantiles and significances are those of the tables") {
  CHECK(detail::normal_quantile_above(0.5) == Approx(0).margin(1e-9));
  CHECK(detail::normal_quantile_above(0.158655) == Approx(1).epsilon(1e-5));
  CHECK(detail::normal_quantile_above(2.866516e-7) == Approx(5).epsilon(1e-6));
  // Equal rates are not significant; a hundred against nine in as large a region are many standard
  // deviations.
  CHECK(detail::li_ma(10, 20, 0.5) == 0);
  CHECK(detail::li_ma(100, 9, 1) > 8);
  CHECK(detail::li_ma(5, 0, 0.2) > 3.5);
}
