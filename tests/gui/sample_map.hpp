// Maps for tests: grains of known crystal systems, every state somewhere, growing row by row.
#pragma once
#include <memory>

#include "core/label/map_snapshot.hpp"
#include "plugin/session.hpp"

namespace bragglive::gui::test {

struct SampleOptions {
  ScanShape scan{96, 96};
  double threshold = 0.05;
  double fraction = 1;  // of the rows that have come
  bool faults = true;   // a few skipped, missing, corrupt and late positions
  std::uint64_t series_id = 1;
};

// Grains about an eighth of the scan wide on a support without disks; confidence falls towards grain borders.
std::shared_ptr<const MapSnapshot> sample_map(const SampleOptions& options);
// The same with another threshold, as an engine would do it: rows whose states do not change are shared.
std::shared_ptr<const MapSnapshot> with_threshold(const MapSnapshot& map, double threshold);
// A map of one row that holds what the caller sets.
std::shared_ptr<MapRow> empty_row(std::uint32_t cols);
std::shared_ptr<const MapSnapshot> map_of(std::vector<std::shared_ptr<const MapRow>> rows,
                                          std::uint32_t cols);

// A pattern with disks at a square lattice about the centre of a 128x128 detector.
PositionDetail sample_detail(const MapSnapshot& map, ScanPosition at, bool with_pixels = true);

}  // namespace bragglive::gui::test
