// What every stage did, readable while it runs.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bragglive {

enum class Stage : std::uint8_t { receive, decode, detect, features, forest, store, filter, publish };
constexpr int k_stages = 8;
constexpr std::array<std::string_view, k_stages> k_stage_names = {"receive", "decode", "detect", "features",
                                                                  "forest",  "store",  "filter", "publish"};

struct StageCounters {
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  std::uint64_t queued = 0;   // in - out - dropped, at this moment
  std::uint64_t dropped = 0;  // ended here, counted in a state
  double seconds = 0;         // summed over threads
};

// From receipt of a frame to its label being stored.
struct LatencySummary {
  double p50_ms = 0, p99_ms = 0, max_ms = 0;
  std::uint64_t count = 0;
};

struct EngineCounters {
  std::array<StageCounters, k_stages> stages{};
  LatencySummary latency;
  std::uint64_t frames_received = 0;
  std::uint64_t duplicates = 0;    // second frame for a position: the first one counts
  std::uint64_t out_of_range = 0;  // scan index outside the scan
  std::uint64_t stale_series = 0;  // frames of an earlier series
  std::uint64_t bad_messages = 0;  // not understood at all
  std::uint64_t beside_scan = 0;   // frames between the lines and before the scan, which are no positions
  std::uint64_t disordered = 0;    // frames that others overtook
  std::uint64_t lost = 0;          // frame numbers that were given up (live)
  std::uint64_t stride = 0;    // only every so-manieth frame comes: another client takes the others; 0 = no
  std::uint64_t recorded = 0;  // raw frames on the disk
  std::uint64_t not_recorded = 0;  // that the disk was too slow or too full for
  std::uint64_t corrupt = 0, late = 0, skipped = 0;
  std::uint64_t slots = 0, slots_in_use = 0;
  std::optional<std::uint64_t> detector_dropped;  // frames that the detector itself says it dropped
  double frames_per_second = 0;                   // stored, over the last second
  double data_age_ms = 0;                         // age of the newest stored frame
};

}  // namespace bragglive
