#include "core/label/label_map.hpp"

#include <algorithm>
#include <limits>

namespace bragglive {
namespace {

constexpr std::size_t k_chunk_floats = std::size_t{3} << 18;  // 262,144 disks a chunk
constexpr float k_no_value = std::numeric_limits<float>::quiet_NaN();

MapRow make_raw_row(std::uint32_t cols) {
  MapRow row;
  row.raw_state.assign(cols, 0);
  row.raw_system.assign(cols, 0);
  row.raw_phase.assign(cols, 0);
  row.confidence.assign(cols, 0);
  row.mixed.assign(cols, k_no_value);
  row.outlier.assign(cols, k_no_value);
  row.difference_confidence.assign(cols, 0);
  row.space_group.assign(cols, 0);
  for (auto& plane : row.lattice) plane.assign(cols, k_no_value);
  row.disk_count.assign(cols, 0);
  row.bright_field.assign(cols, k_no_value);
  for (auto plane : {&MapRow::dark_field, &MapRow::annular_dark_field, &MapRow::com_x, &MapRow::com_y})
    (row.*plane).assign(cols, k_no_value);
  return row;
}

}  // namespace

void LabelMap::DirtyRange::add(std::uint32_t from, std::uint32_t to) {
  if (empty()) {
    first = from;
    last = to;
  } else {
    first = std::min(first, from);
    last = std::max(last, to);
  }
}

LabelMap::LabelMap(ScanShape scan, FrameShape frame, std::uint64_t series_id)
    : scan_(scan), frame_(frame), series_id_(series_id) {
  claimed_.assign(scan.positions(), 0);
  votes_.resize(scan.positions());
  peak_refs_.resize(scan.positions());
  raw_.reserve(scan.rows);
  for (std::uint32_t row = 0; row < scan.rows; ++row) raw_.push_back(make_raw_row(scan.cols));
  dirty_.resize(scan.rows);
  row_states_.resize(scan.rows);
  row_systems_.resize(scan.rows);
  row_phases_.resize(scan.rows);
  // One empty row shared by all: a fresh map costs no copies.
  auto empty = std::make_shared<MapRow>(make_raw_row(scan.cols));
  empty->state.assign(scan.cols, 0);
  empty->system.assign(scan.cols, 0);
  empty->phase.assign(scan.cols, 0);
  empty->filtered_phase.assign(scan.cols, 0);
  empty->filtered_margin.assign(scan.cols, 0);
  empty->filtered_system.assign(scan.cols, 0);
  empty->settled.assign(scan.cols, 0);
  published_.assign(scan.rows, empty);
  for (std::uint32_t row = 0; row < scan.rows; ++row) count_row(row, *empty);
}

LabelMap::Claim LabelMap::claim(std::uint64_t index) {
  const std::lock_guard lock(mutex_);
  if (index >= scan_.positions()) return Claim::out_of_range;
  if (claimed_[index]) return Claim::duplicate;
  claimed_[index] = 1;
  return Claim::granted;
}

void LabelMap::store(std::span<const PositionResult> results) {
  const std::lock_guard lock(mutex_);
  for (const PositionResult& result : results)
    if (result.index < scan_.positions()) store_one(result);
}

void LabelMap::store_one(const PositionResult& result) {
  const ScanPosition at = position_of(scan_, result.index);
  MapRow& row = raw_[at.row];
  row.raw_state[at.col] = static_cast<std::uint8_t>(result.state);
  const bool was_read =
      result.state == PositionState::labelled || result.state == PositionState::too_few_disks;
  if (was_read) {
    row.disk_count[at.col] = static_cast<std::uint16_t>(std::min<std::size_t>(result.disks.size(), 0xffff));
    row.bright_field[at.col] = result.bright_field;
    row.dark_field[at.col] = result.dark_field;
    row.annular_dark_field[at.col] = result.annular_dark_field;
    row.com_x[at.col] = result.com_x;
    row.com_y[at.col] = result.com_y;
    store_peaks(result.index, result.disks);
  }
  if (result.state == PositionState::labelled) {
    const PatternLabel& label = result.label;
    row.raw_system[at.col] = static_cast<std::uint8_t>(label.system);
    row.raw_phase[at.col] = label.phase;
    if (label.phase > 0 && label.phase < system_of_phase_.size())
      system_of_phase_[label.phase] = static_cast<std::uint8_t>(label.system);
    row.confidence[at.col] = label.confidence;
    row.mixed[at.col] = label.mixed;
    row.outlier[at.col] = label.outlier;
    row.difference_confidence[at.col] = label.difference_confidence;
    row.space_group[at.col] = label.space_group;
    for (std::size_t axis = 0; axis < 3; ++axis) row.lattice[axis][at.col] = label.lattice_angstrom[axis];
    votes_[result.index] = {label.votes, label.trees, label.space_group_confidence,
                            label.lattice_spread_angstrom};
  }
  mark_dirty(result.index);
}

void LabelMap::store_peaks(std::uint64_t index, std::span<const BraggPeak> disks) {
  const std::size_t count = std::min<std::size_t>(disks.size(), k_chunk_floats / 3);
  if (count == 0) return;
  if (peak_chunks_.empty() || chunk_used_ + 3 * count > k_chunk_floats) {
    peak_chunks_.push_back(std::make_unique<float[]>(k_chunk_floats));
    chunk_used_ = 0;
  }
  peak_refs_[index] = {static_cast<std::uint32_t>(peak_chunks_.size() - 1),
                       static_cast<std::uint32_t>(chunk_used_),
                       static_cast<std::uint16_t>(std::min<std::size_t>(count, 0xffff))};
  float* out = peak_chunks_.back().get() + chunk_used_;
  for (std::size_t i = 0; i < peak_refs_[index].count; ++i) {
    *out++ = static_cast<float>(disks[i].qx);
    *out++ = static_cast<float>(disks[i].qy);
    *out++ = static_cast<float>(disks[i].intensity);
  }
  chunk_used_ += std::size_t{3} * peak_refs_[index].count;
}

void LabelMap::mark_dirty(std::uint64_t index) {
  const ScanPosition at = position_of(scan_, index);
  dirty_[at.row].add(at.col, at.col);
}

void LabelMap::mark_missing(std::uint64_t first, std::uint64_t last) {
  const std::lock_guard lock(mutex_);
  for (std::uint64_t index = first; index <= last && index < scan_.positions(); ++index) {
    if (claimed_[index]) continue;
    const ScanPosition at = position_of(scan_, index);
    raw_[at.row].raw_state[at.col] = static_cast<std::uint8_t>(PositionState::missing);
    mark_dirty(index);
  }
}

std::uint64_t LabelMap::close() {
  const std::lock_guard lock(mutex_);
  std::uint64_t missing = 0;
  for (std::uint64_t index = 0; index < scan_.positions(); ++index) {
    if (claimed_[index]) continue;
    claimed_[index] = 1;
    PositionResult result;
    result.index = index;
    result.state = PositionState::missing;
    store_one(result);
    ++missing;
  }
  closed_ = true;
  unpublished_ = true;  // a scan without a missing frame is published as finished, too
  return missing;
}

bool LabelMap::mark_late(std::uint64_t index) {
  const std::lock_guard lock(mutex_);
  if (index >= scan_.positions()) return false;
  const ScanPosition at = position_of(scan_, index);
  std::uint8_t& state = raw_[at.row].raw_state[at.col];
  if (state != static_cast<std::uint8_t>(PositionState::missing)) return false;
  state = static_cast<std::uint8_t>(PositionState::late);
  mark_dirty(index);
  return true;
}

void LabelMap::set_phases(PhaseNames names) {
  const std::lock_guard lock(mutex_);
  phases_ = names && names->empty() ? nullptr : std::move(names);
}

void LabelMap::set_threshold(double threshold) {
  const std::lock_guard lock(mutex_);
  rethreshold_ = rethreshold_ || threshold != threshold_;
  threshold_ = threshold;
}

void LabelMap::set_filter(bool on) {
  const std::lock_guard lock(mutex_);
  refilter_ = refilter_ || on != filter_;
  filter_ = on;
}

void LabelMap::set_systems(std::uint32_t allowed_mask) {
  const std::lock_guard lock(mutex_);
  refilter_ = refilter_ || allowed_mask != allowed_;
  allowed_ = allowed_mask;
}

bool LabelMap::peaks(std::uint64_t index, BraggList& out) const {
  out.clear();
  const std::lock_guard lock(mutex_);
  if (index >= scan_.positions()) return false;
  const PeakRef ref = peak_refs_[index];
  for (std::size_t i = 0; i < ref.count; ++i) {
    const float* at = peak_chunks_[ref.chunk].get() + ref.offset + 3 * i;
    out.push_back({at[0], at[1], at[2]});
  }
  return true;
}

void LabelMap::copy_peaks(std::vector<std::uint64_t>& offsets, std::vector<float>& qx, std::vector<float>& qy,
                          std::vector<float>& intensity) const {
  offsets.assign(1, 0);
  qx.clear();
  qy.clear();
  intensity.clear();
  const std::lock_guard lock(mutex_);
  offsets.reserve(scan_.positions() + 1);
  for (const PeakRef& ref : peak_refs_) {
    for (std::size_t i = 0; i < ref.count; ++i) {
      const float* at = peak_chunks_[ref.chunk].get() + ref.offset + 3 * i;
      qx.push_back(at[0]);
      qy.push_back(at[1]);
      intensity.push_back(at[2]);
    }
    offsets.push_back(qx.size());
  }
}

bool LabelMap::label(std::uint64_t index, PatternLabel& out) const {
  const std::lock_guard lock(mutex_);
  if (index >= scan_.positions()) return false;
  const ScanPosition at = position_of(scan_, index);
  const MapRow& row = raw_[at.row];
  if (row.raw_state[at.col] != static_cast<std::uint8_t>(PositionState::labelled)) return false;
  const StoredVotes& stored = votes_[index];
  out.system = static_cast<CrystalSystem>(row.raw_system[at.col]);
  out.phase = row.raw_phase[at.col];
  out.mixed = row.mixed[at.col];
  out.outlier = row.outlier[at.col];
  out.votes = stored.votes;
  out.trees = stored.trees;
  out.confidence = row.confidence[at.col];
  out.difference_confidence = row.difference_confidence[at.col];
  out.space_group = row.space_group[at.col];
  out.space_group_confidence = stored.space_group_confidence;
  for (std::size_t axis = 0; axis < 3; ++axis) out.lattice_angstrom[axis] = row.lattice[axis][at.col];
  out.lattice_spread_angstrom = stored.lattice_spread;
  return true;
}

}  // namespace bragglive
