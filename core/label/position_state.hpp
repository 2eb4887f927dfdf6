// Every scan position ends in exactly one of these; the numbers stand in result files.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace bragglive {

enum class PositionState : std::uint8_t {
  pending = 0,            // not scanned yet
  labelled = 1,
  low_confidence = 2,     // below the threshold after the 5x5 filter, or no label at all
  too_few_disks = 3,
  skipped_by_policy = 4,  // live mode: no free slot, the detector was not made to wait
  missing = 5,            // the scan ended without this frame
  corrupt = 6,            // the frame came and could not be read
  late = 7                // the frame came after its scan was closed
};
constexpr int k_position_states = 8;

constexpr std::array<std::string_view, k_position_states> k_position_state_names = {
    "pending", "labelled", "low_confidence", "too_few_disks", "skipped_by_policy", "missing", "corrupt", "late"};

}  // namespace bragglive
