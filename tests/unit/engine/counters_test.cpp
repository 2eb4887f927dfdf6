#include "plugin/engine_counters.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

TEST_CASE("percentiles are within a bin of the truth") {
  LatencyHistogram histogram;
  for (std::uint64_t us = 1; us <= 1000; ++us) histogram.add(us * 1000);
  const LatencySummary summary = histogram.summary();
  CHECK(summary.count == 1000);
  CHECK(summary.p50_ms == Approx(0.5).epsilon(0.13));
  CHECK(summary.p99_ms == Approx(0.99).epsilon(0.13));
  CHECK(summary.max_ms == Approx(1.0));
  histogram.reset();
  CHECK(histogram.summary().count == 0);
  histogram.add(0);
  CHECK(histogram.summary().max_ms == Approx(1e-6));
}

TEST_CASE("faults are reset by hand, stages are not") {
  CounterBoard board;
  board.skipped = 3;
  { StageTimer timer(board.stage(Stage::decode)); }
  {
    StageTimer timer(board.stage(Stage::decode));
    timer.dropped();
  }
  board.reset_faults();
  const EngineCounters counters = board.read();
  CHECK(counters.skipped == 0);
  const StageCounters& decode = counters.stages[static_cast<std::size_t>(Stage::decode)];
  CHECK(decode.in == 2);
  CHECK(decode.out == 1);
  CHECK(decode.dropped == 1);
}
