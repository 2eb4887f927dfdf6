#include "core/label/label_map.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "core/label/median_filter.hpp"

namespace bragglive {
namespace {

constexpr std::size_t k_chunk_floats = std::size_t{3} << 18;  // 262,144 disks a chunk
constexpr float k_no_value = std::numeric_limits<float>::quiet_NaN();

std::uint64_t steady_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

MapRow make_raw_row(std::uint32_t cols) {
  MapRow row;
  row.raw_state.assign(cols, 0);
  row.raw_system.assign(cols, 0);
  row.confidence.assign(cols, 0);
  row.difference_confidence.assign(cols, 0);
  row.space_group.assign(cols, 0);
  for (auto& plane : row.lattice) plane.assign(cols, k_no_value);
  row.disk_count.assign(cols, 0);
  row.bright_field.assign(cols, k_no_value);
  row.dark_field.assign(cols, k_no_value);
  return row;
}

void copy_raw_fields(const MapRow& from, MapRow& to) {
  to.raw_state = from.raw_state;
  to.raw_system = from.raw_system;
  to.confidence = from.confidence;
  to.difference_confidence = from.difference_confidence;
  to.space_group = from.space_group;
  to.lattice = from.lattice;
  to.disk_count = from.disk_count;
  to.bright_field = from.bright_field;
  to.dark_field = from.dark_field;
}

}  // namespace

// Rows by number; null where a row did not change.
struct LabelMap::Changes {
  std::vector<std::shared_ptr<MapRow>> rows;
  std::vector<DirtyRange> dirty;
  double threshold = 0;
  bool filter = true;
  bool closed = false;
  bool rethreshold = false;
  std::uint32_t allowed = 0;
  bool any = false;
};

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
  // One empty row shared by all: a fresh map costs no copies.
  auto empty = std::make_shared<MapRow>(make_raw_row(scan.cols));
  empty->state.assign(scan.cols, 0);
  empty->system.assign(scan.cols, 0);
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
    store_peaks(result.index, result.disks);
  }
  if (result.state == PositionState::labelled) {
    const PatternLabel& label = result.label;
    row.raw_system[at.col] = static_cast<std::uint8_t>(label.system);
    row.confidence[at.col] = label.confidence;
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

LabelMap::Changes LabelMap::take_changes() {
  const std::lock_guard lock(mutex_);
  Changes changes;
  changes.threshold = threshold_;
  changes.filter = filter_;
  changes.closed = closed_;
  changes.allowed = allowed_;
  changes.rows.resize(scan_.rows);
  changes.dirty.resize(scan_.rows);
  for (std::uint32_t row = 0; row < scan_.rows; ++row) {
    if (!dirty_[row].empty()) {
      changes.rows[row] = std::make_shared<MapRow>(*published_[row]);
      copy_raw_fields(raw_[row], *changes.rows[row]);
      changes.any = true;
    }
    changes.dirty[row] = dirty_[row];
    if (refilter_) changes.dirty[row].add(0, scan_.cols - 1);
    dirty_[row] = {};
  }
  changes.rethreshold = rethreshold_;
  changes.any = changes.any || refilter_ || rethreshold_ || unpublished_;
  refilter_ = rethreshold_ = unpublished_ = false;
  return changes;
}

void LabelMap::refilter(const Changes& changes, std::uint32_t row, DirtyRange columns, MapRow& out) const {
  // Raw fields of the five rows around; null outside the map.
  std::array<const MapRow*, 2 * k_filter_radius + 1> around{};
  for (int d = -k_filter_radius; d <= k_filter_radius; ++d) {
    const std::int64_t r = std::int64_t{row} + d;
    if (r < 0 || r >= std::int64_t{scan_.rows}) continue;
    const auto at = static_cast<std::size_t>(r);
    around[static_cast<std::size_t>(d + k_filter_radius)] =
        changes.rows[at] ? changes.rows[at].get() : published_[at].get();
  }
  for (std::uint32_t col = columns.first; col <= columns.last; ++col) {
    std::array<std::uint8_t, k_filter_window> systems{};
    std::array<float, k_filter_window> margins{};
    bool settled = true;
    std::size_t n = 0;
    for (const MapRow* line : around) {
      for (int d = -k_filter_radius; d <= k_filter_radius; ++d, ++n) {
        const std::int64_t c = std::int64_t{col} + d;
        if (!line || c < 0 || c >= std::int64_t{scan_.cols}) continue;
        const auto at = static_cast<std::size_t>(c);
        settled = settled && line->raw_state[at] != 0;
        systems[n] = line->raw_system[at];
        margins[n] = line->difference_confidence[at];
      }
    }
    FilteredLabel label;
    if (changes.filter) {
      label = filter_window(systems, margins, changes.allowed);
    } else {
      settled = out.raw_state[col] != 0;
      if (changes.allowed >> out.raw_system[col] & 1u)
        label = {out.raw_system[col], out.difference_confidence[col]};
    }
    out.filtered_system[col] = label.system;
    out.filtered_margin[col] = label.margin;
    out.settled[col] = settled;
  }
}

void LabelMap::apply_threshold(const Changes& changes, DirtyRange columns, MapRow& out) {
  for (std::uint32_t col = columns.first; col <= columns.last; ++col) {
    // A position keeps what happened to it: its neighbours may name a plane, they do not turn "no prediction"
    // into one.
    out.state[col] = out.raw_state[col];
    out.system[col] = 0;
    if (out.raw_state[col] != static_cast<std::uint8_t>(PositionState::labelled)) continue;
    const float margin = out.filtered_margin[col];
    if (out.filtered_system[col] != 0 && margin > 0 && static_cast<double>(margin) >= changes.threshold)
      out.system[col] = out.filtered_system[col];
    else
      out.state[col] = static_cast<std::uint8_t>(PositionState::low_confidence);
  }
}

void LabelMap::count_row(std::uint32_t row, const MapRow& from) {
  row_states_[row] = {};
  row_systems_[row] = {};
  for (std::uint32_t col = 0; col < scan_.cols; ++col) {
    ++row_states_[row][from.state[col]];
    if (from.state[col] == static_cast<std::uint8_t>(PositionState::labelled))
      ++row_systems_[row][from.system[col]];
  }
}

std::shared_ptr<MapSnapshot> LabelMap::publish() {
  Changes changes = take_changes();
  if (!changes.any && generation_ > 0) return nullptr;

  std::vector<DirtyRange> affected(scan_.rows);
  for (std::uint32_t row = 0; row < scan_.rows; ++row) {
    const DirtyRange& range = changes.dirty[row];
    if (range.empty()) continue;
    const std::uint32_t first = range.first < k_filter_radius ? 0 : range.first - k_filter_radius;
    const std::uint32_t last = std::min(scan_.cols - 1, range.last + k_filter_radius);
    const std::uint32_t top = row < k_filter_radius ? 0 : row - k_filter_radius;
    const std::uint32_t bottom = std::min(scan_.rows - 1, row + k_filter_radius);
    for (std::uint32_t r = top; r <= bottom; ++r) affected[r].add(first, last);
  }
  // New rows first: refilter() reads the raw fields of neighbours from them.
  for (std::uint32_t row = 0; row < scan_.rows; ++row)
    if ((!affected[row].empty() || changes.rethreshold) && !changes.rows[row])
      changes.rows[row] = std::make_shared<MapRow>(*published_[row]);
  for (std::uint32_t row = 0; row < scan_.rows; ++row) {
    if (!changes.rows[row]) continue;
    refilter(changes, row, affected[row], *changes.rows[row]);
    apply_threshold(changes, changes.rethreshold ? DirtyRange{0, scan_.cols - 1} : affected[row],
                    *changes.rows[row]);
    count_row(row, *changes.rows[row]);
  }
  for (std::uint32_t row = 0; row < scan_.rows; ++row)
    if (changes.rows[row]) published_[row] = std::move(changes.rows[row]);

  auto snapshot = std::make_shared<MapSnapshot>();
  snapshot->generation = ++generation_;
  snapshot->series_id = series_id_;
  snapshot->scan = scan_;
  snapshot->frame = frame_;
  snapshot->threshold = changes.threshold;
  snapshot->filtered = changes.filter;
  snapshot->finished = changes.closed;
  snapshot->rows = published_;
  for (std::uint32_t row = 0; row < scan_.rows; ++row) {
    for (std::size_t i = 0; i < snapshot->states.size(); ++i) snapshot->states[i] += row_states_[row][i];
    for (std::size_t i = 0; i < snapshot->systems.size(); ++i) snapshot->systems[i] += row_systems_[row][i];
  }
  snapshot->published_ns = steady_ns();
  return snapshot;
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
