#include "plugin/engine_counters.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bragglive {

void LatencyHistogram::add(std::uint64_t nanoseconds) noexcept {
  const std::uint64_t ns = std::max<std::uint64_t>(nanoseconds, 1);
  const auto octave = static_cast<int>(std::bit_width(ns)) - 1;
  // The three bits below the leading one split an octave into eight.
  const auto fraction = static_cast<int>((octave >= 3 ? ns >> (octave - 3) : ns << (3 - octave)) & 7);
  const int bin = std::min(octave * k_bins_per_octave + fraction, k_bins - 1);
  bins_[static_cast<std::size_t>(bin)].fetch_add(1, std::memory_order_relaxed);
  std::uint64_t seen = max_ns_.load(std::memory_order_relaxed);
  while (ns > seen && !max_ns_.compare_exchange_weak(seen, ns, std::memory_order_relaxed)) {
  }
}

LatencySummary LatencyHistogram::summary() const {
  LatencySummary result;
  std::array<std::uint64_t, k_bins> counts;
  for (std::size_t i = 0; i < counts.size(); ++i)
    result.count += counts[i] = bins_[i].load(std::memory_order_relaxed);
  result.max_ms = static_cast<double>(max_ns_.load(std::memory_order_relaxed)) * 1e-6;
  const auto percentile = [&](double share) {
    const double wanted = share * static_cast<double>(result.count);
    double seen = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      seen += static_cast<double>(counts[i]);
      if (counts[i] == 0 || seen < wanted) continue;
      const double octave = static_cast<double>(i / k_bins_per_octave);
      const double upper =
          std::exp2(octave) * (1.0 + static_cast<double>(i % k_bins_per_octave + 1) / k_bins_per_octave);
      return std::min(upper * 1e-6, result.max_ms);
    }
    return 0.0;
  };
  result.p50_ms = percentile(0.5);
  result.p99_ms = percentile(0.99);
  return result;
}

void LatencyHistogram::reset() {
  for (auto& bin : bins_) bin = 0;
  max_ns_ = 0;
}

void CounterBoard::sample() {
  const std::uint64_t now = steady_now_ns();
  const std::uint64_t stored = stage(Stage::store).out.load(std::memory_order_relaxed);
  if (sampled_ns_ == 0 || stored < sampled_stored_) {
    sampled_ns_ = now;
    sampled_stored_ = stored;
  } else if (now - sampled_ns_ >= 500'000'000) {
    frames_per_second_ =
        static_cast<double>(stored - sampled_stored_) * 1e9 / static_cast<double>(now - sampled_ns_);
    sampled_ns_ = now;
    sampled_stored_ = stored;
  }
}

EngineCounters CounterBoard::read() const {
  EngineCounters result;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    StageCounters& to = result.stages[i];
    // Out before in, so that a frame that moves in between cannot make the queue negative.
    to.out = stages_[i].out.load();
    to.dropped = stages_[i].dropped.load();
    to.in = stages_[i].in.load();
    to.seconds = static_cast<double>(stages_[i].busy_ns.load()) * 1e-9;
  }
  // What left a stage and has not entered the next one waits in front of that one.
  for (std::size_t i = static_cast<std::size_t>(Stage::decode); i <= static_cast<std::size_t>(Stage::store);
       ++i) {
    const std::uint64_t offered = result.stages[i - 1].out;
    const std::uint64_t done = result.stages[i].out + result.stages[i].dropped;
    result.stages[i].queued = offered > done ? offered - done : 0;
  }
  result.latency = latency.summary();
  result.frames_received = frames_received;
  result.duplicates = duplicates;
  result.out_of_range = out_of_range;
  result.stale_series = stale_series;
  result.bad_messages = bad_messages;
  result.beside_scan = beside_scan;
  result.disordered = disordered;
  result.lost = lost;
  result.stride = stride;
  result.recorded = recorded;
  result.not_recorded = not_recorded;
  result.corrupt = corrupt;
  result.late = late;
  result.skipped = skipped;
  result.frames_per_second = frames_per_second_;
  const std::uint64_t newest = newest_stored_ns;
  result.data_age_ms = newest == 0 ? 0 : static_cast<double>(steady_now_ns() - newest) * 1e-6;
  return result;
}

void CounterBoard::reset_faults() {
  for (auto* counter : {&duplicates, &out_of_range, &stale_series, &bad_messages, &beside_scan, &disordered,
                        &lost, &stride, &corrupt, &late, &skipped})
    *counter = 0;
  latency.reset();
}

void CounterBoard::reset_all() {
  reset_faults();
  frames_received = 0;
  recorded = 0;
  not_recorded = 0;
  newest_stored_ns = 0;
  for (StageCell& cell : stages_) {
    cell.in = 0;
    cell.out = 0;
    cell.dropped = 0;
    cell.busy_ns = 0;
  }
  frames_per_second_ = 0;
}

}  // namespace bragglive
