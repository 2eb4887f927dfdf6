// The counters behind EngineCounters: lock-free, written by every stage, read at any time.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>

#include "plugin/clock.hpp"
#include "plugin/counters.hpp"

namespace bragglive {

// Durations in logarithmic bins, eight per octave: percentiles within 9 %, no allocation.
class LatencyHistogram {
 public:
  void add(std::uint64_t nanoseconds) noexcept;
  LatencySummary summary() const;
  void reset();

 private:
  static constexpr int k_bins_per_octave = 8;
  static constexpr int k_bins = 40 * k_bins_per_octave;
  std::array<std::atomic<std::uint64_t>, k_bins> bins_{};
  std::atomic<std::uint64_t> max_ns_{0};
};

class CounterBoard {
 public:
  struct StageCell {
    std::atomic<std::uint64_t> in{0}, out{0}, dropped{0}, busy_ns{0};
    // Items that went through together in this time.
    void count(std::uint64_t nanoseconds, std::uint64_t items = 1) {
      in.fetch_add(items, std::memory_order_relaxed);
      out.fetch_add(items, std::memory_order_relaxed);
      busy_ns.fetch_add(nanoseconds, std::memory_order_relaxed);
    }
  };
  StageCell& stage(Stage which) { return stages_[static_cast<std::size_t>(which)]; }

  std::atomic<std::uint64_t> frames_received{0}, duplicates{0}, out_of_range{0}, stale_series{0},
      bad_messages{0}, beside_scan{0}, disordered{0}, lost{0}, stride{0}, recorded{0}, not_recorded{0},
      corrupt{0}, late{0}, skipped{0}, newest_stored_ns{0};
  LatencyHistogram latency;

  // Rates are measured between calls of sample(), which one thread makes a few times a second.
  void sample();
  EngineCounters read() const;
  void reset_faults();
  void reset_all();

 private:
  std::array<StageCell, k_stages> stages_;
  std::atomic<double> frames_per_second_{0};
  std::uint64_t sampled_ns_ = 0, sampled_stored_ = 0;
};

// Counts one item through a stage and the time it took.
class StageTimer {
 public:
  explicit StageTimer(CounterBoard::StageCell& cell) : cell_(cell), start_ns_(steady_now_ns()) {
    cell_.in.fetch_add(1, std::memory_order_relaxed);
  }
  ~StageTimer() {
    cell_.busy_ns.fetch_add(steady_now_ns() - start_ns_, std::memory_order_relaxed);
    (kept_ ? cell_.out : cell_.dropped).fetch_add(1, std::memory_order_relaxed);
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;
  void dropped() { kept_ = false; }

 private:
  CounterBoard::StageCell& cell_;
  std::uint64_t start_ns_;
  bool kept_ = true;
};

}  // namespace bragglive
