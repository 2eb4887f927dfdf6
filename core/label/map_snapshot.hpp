// The labelled map as everybody but the engine sees it: immutable, shared, row by row.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/frame/frame_view.hpp"
#include "core/frame/scan_geometry.hpp"
#include "core/label/crystal_system.hpp"
#include "core/label/position_state.hpp"

namespace bragglive {

// One scan row; every vector has scan.cols elements. Rows that did not change are shared between snapshots.
struct MapRow {
  // After the 5x5 filter and the threshold.
  std::vector<std::uint8_t> state;   // PositionState
  std::vector<std::uint8_t> system;  // CrystalSystem; none unless state is labelled
  std::vector<float>
      filtered_margin;  // largest of the filtered difference-confidence planes, before the threshold
  std::vector<std::uint8_t>
      filtered_system;  // the plane it is in, whatever the threshold; none when all planes are 0
  // As predicted, before the filter.
  std::vector<std::uint8_t> raw_state;  // what came: labelled means "predicted"; never low_confidence
  std::vector<std::uint8_t> raw_system;
  // With a specimen model: which candidate, from 1; 0 = none of them. `phase` after the filter and the
  // threshold.
  std::vector<std::uint8_t> raw_phase, phase, filtered_phase;
  std::vector<float> confidence;  // share of hard votes
  // Probability that overlapping crystals made the pattern, and that it is like nothing that was learnt from;
  // NaN when the model does not say.
  std::vector<float> mixed, outlier;
  std::vector<float> difference_confidence;  // (top - second) / trees, hard votes
  std::vector<std::uint16_t> space_group;
  std::array<std::vector<float>, 3> lattice;  // a, b, c in Å; NaN without a prediction
  std::vector<std::uint16_t> disk_count;
  std::vector<float> bright_field;  // counts; NaN where no frame was read
  std::vector<float> dark_field;
  std::vector<float> annular_dark_field;
  std::vector<float> com_x, com_y;  // centre of mass of the frame, 1/Å from the origin
  std::vector<std::uint8_t>
      settled;  // 1: all 25 positions of the filter window have ended, the label will not change
};

using StateCounts = std::array<std::uint64_t, k_position_states>;

// A specimen model's answers: [0] "none of these", then the candidates. Null or empty: a model of crystal
// systems.
using PhaseNames = std::shared_ptr<const std::vector<std::string>>;

struct MapSnapshot {
  std::uint64_t generation = 0;  // grows with every snapshot of a session
  std::uint64_t series_id = 0;
  ScanShape scan;
  FrameShape frame;
  double threshold = 0.005;                                // on filtered_margin
  double scan_step_nm = 0;                                 // 0 = not known
  bool filtered = true;                                    // the 5x5 filter is on
  bool finished = false;                                   // the scan ended: no position is pending
  StateCounts states{};                                    // add up to scan.positions()
  std::array<std::uint64_t, k_crystal_systems> systems{};  // labelled positions by system
  PhaseNames phases;
  // Labelled positions by phase; [0]: positions without a label whose own pattern is none of the phases.
  std::array<std::uint64_t, k_crystal_systems> phase_counts{};
  std::vector<std::shared_ptr<const MapRow>> rows;  // scan.rows of them, none null
  std::uint64_t newest_frame_ns = 0;                // steady clock when the newest stored frame was received
  std::uint64_t published_ns = 0;                   // steady clock when this snapshot was made
};

}  // namespace bragglive
