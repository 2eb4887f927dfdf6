// The engine's working map: what was stored for every position, filtered and thresholded in place as it
// grows.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/label/map_snapshot.hpp"
#include "core/label/pattern_label.hpp"

namespace bragglive {

// One position's outcome. `disks` are in 1/Å.
struct PositionResult {
  std::uint64_t index = 0;
  PositionState state = PositionState::pending;  // labelled = predicted
  PatternLabel label;
  std::span<const BraggPeak> disks;
  float bright_field = 0;
  float dark_field = 0;
  float annular_dark_field = 0;
  float com_x = 0, com_y = 0;  // centre of mass, 1/Å from the origin
};

// Writers call claim() and store(); one publisher calls publish(). All of it is thread-safe.
class LabelMap {
 public:
  LabelMap(ScanShape scan, FrameShape frame, std::uint64_t series_id);

  ScanShape scan() const { return scan_; }
  std::uint64_t series_id() const { return series_id_; }

  enum class Claim { granted, duplicate, out_of_range };
  // A position is stored once: the first frame wins.
  Claim claim(std::uint64_t index);
  // Stores outcomes of claimed positions. Order-free.
  void store(std::span<const PositionResult> results);
  // Positions from `first` to `last` that nobody claimed are shown as missing from now on. They may still be
  // claimed: a frame that comes after all is stored as any other.
  void mark_missing(std::uint64_t first, std::uint64_t last);
  // Every position that nobody claimed becomes missing; returns how many.
  std::uint64_t close();
  // After close(): a missing position whose frame came after all. false: it was not missing.
  bool mark_late(std::uint64_t index);

  // Of a specimen model: the filter's planes are then its phases.
  void set_phases(PhaseNames names);
  void set_threshold(double threshold);
  void set_filter(bool on);
  void set_systems(std::uint32_t allowed_mask);  // bit s = system s may win

  // Filters the neighbourhoods that changed since the last call and returns the new state of the map (the
  // caller may still fill in what only it knows); nullptr when nothing changed.
  std::shared_ptr<MapSnapshot> publish();

  // Bragg list of a position as float triples in 1/Å; false before it is stored.
  bool peaks(std::uint64_t index, BraggList& out) const;
  void copy_peaks(std::vector<std::uint64_t>& offsets, std::vector<float>& qx, std::vector<float>& qy,
                  std::vector<float>& intensity) const;
  // The full label of a position; false when there is none.
  bool label(std::uint64_t index, PatternLabel& out) const;

 private:
  struct DirtyRange {  // columns of one row that changed; empty when first > last
    std::uint32_t first = 1;
    std::uint32_t last = 0;
    bool empty() const { return first > last; }
    void add(std::uint32_t from, std::uint32_t to);
  };
  struct PeakRef {
    std::uint32_t chunk = 0;
    std::uint32_t offset = 0;
    std::uint16_t count = 0;
  };
  struct StoredVotes {
    std::array<std::uint16_t, k_crystal_systems> votes{};
    std::uint16_t trees = 0;
    float space_group_confidence = 0;
    std::array<float, 3> lattice_spread{};
  };

  void store_one(const PositionResult& result);
  void store_peaks(std::uint64_t index, std::span<const BraggPeak> disks);
  void mark_dirty(std::uint64_t index);
  // What publish() took over under the lock.
  struct Changes;
  Changes take_changes();
  void refilter(const Changes& changes, std::uint32_t row, DirtyRange columns, MapRow& out) const;
  static void apply_threshold(const Changes& changes, DirtyRange columns, MapRow& out);
  void count_row(std::uint32_t row, const MapRow& from);

  const ScanShape scan_;
  const FrameShape frame_;
  const std::uint64_t series_id_;

  mutable std::mutex mutex_;
  std::vector<std::uint8_t> claimed_;
  std::vector<MapRow> raw_;  // raw fields only; the filtered ones live in published_
  std::vector<StoredVotes> votes_;
  std::vector<PeakRef> peak_refs_;
  std::vector<std::unique_ptr<float[]>> peak_chunks_;
  std::size_t chunk_used_ = 0;
  std::vector<DirtyRange> dirty_;
  bool refilter_ = false;     // the whole map
  bool rethreshold_ = false;  // the whole map
  bool unpublished_ = true;   // something other than a row changed
  bool closed_ = false;

  std::array<std::uint8_t, k_crystal_systems>
      system_of_phase_{};  // as stored so far; all 0 without a specimen model
  PhaseNames phases_;
  double threshold_ = 0.005;
  bool filter_ = true;
  std::uint32_t allowed_ = 0xfe;
  std::uint64_t generation_ = 0;
  std::vector<std::shared_ptr<const MapRow>> published_;
  std::vector<StateCounts> row_states_;
  std::vector<std::array<std::uint64_t, k_crystal_systems>> row_systems_, row_phases_;
};

}  // namespace bragglive
