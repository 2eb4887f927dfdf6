// How a labelled scan of the demo specimen compares with its ground truth.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/frame/error.hpp"
#include "core/label/crystal_system.hpp"
#include "streams/demo/demo_source.hpp"

namespace bragglive::command {

// The planes of a result file that the comparison needs, row-major.
struct DemoResult {
  ScanShape scan;
  std::vector<std::uint8_t> state, system;          // as shown: after the filter and the threshold
  std::vector<std::uint8_t> raw_state, raw_system;  // as predicted
  std::vector<std::uint16_t> disk_count, raw_space_group;
  std::vector<float> raw_lattice;  // (positions, 3), Å
  std::string demo;                // address in the scan's metadata; empty when the scan was no demo
};

// Checks every shape. A file that is no result, or of another version, is an error that says so.
Expected<DemoResult> read_demo_result(const std::filesystem::path& file);

struct DemoComparison {
  std::uint64_t positions = 0;
  std::uint64_t not_seen = 0;                               // skipped, missing, corrupt or late
  std::uint64_t crystal_positions = 0;                      // at least one crystal in the beam
  std::uint64_t enough_disks = 0;                           // of those: 5 disks or more were found
  std::uint64_t true_system = 0;                            // of those: the map shows the true system
  std::uint64_t overlaps = 0, true_system_at_overlaps = 0;  // of `enough_disks`: more than one crystal
  std::uint64_t predicted = 0, raw_true_system = 0,
                raw_true_space_group = 0;  // one pattern each, before the filter
  std::uint64_t labelled = 0;              // positions with a label on the map
  std::uint64_t labelled_without_crystal = 0;
  std::array<double, k_crystal_systems> shares{};    // of the labelled positions
  std::array<double, k_crystal_systems> of_three{};  // cubic, hexagonal, tetragonal: share of these three
  double cubic_a = 0,
         true_a = 0;  // Å: median of the positions predicted cubic; of the specimen's first phase
};

Expected<DemoComparison> compare(const DemoResult& result, const DemoTruth& truth);
std::string to_text(const DemoComparison& comparison, const std::string& demo);
std::string to_json(const DemoComparison& comparison, const std::string& demo);

}  // namespace bragglive::command
