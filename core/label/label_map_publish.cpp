// Publishing a map: what changed since the last time is copied, filtered and thresholded; the rest is shared.
#include <algorithm>
#include <array>
#include <chrono>

#include "core/label/label_map.hpp"
#include "core/label/median_filter.hpp"

namespace bragglive {
namespace {

std::uint64_t steady_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

bool never_arrived(std::uint8_t state) {
  switch (static_cast<PositionState>(state)) {
    case PositionState::skipped_by_policy:
    case PositionState::missing:
    case PositionState::corrupt:
    case PositionState::late:
      return true;
    default:
      return false;
  }
}

void copy_raw_fields(const MapRow& from, MapRow& to) {
  to.raw_state = from.raw_state;
  to.raw_system = from.raw_system;
  to.raw_phase = from.raw_phase;
  to.confidence = from.confidence;
  to.mixed = from.mixed;
  to.outlier = from.outlier;
  to.difference_confidence = from.difference_confidence;
  to.space_group = from.space_group;
  to.lattice = from.lattice;
  to.disk_count = from.disk_count;
  to.bright_field = from.bright_field;
  to.dark_field = from.dark_field;
  to.annular_dark_field = from.annular_dark_field;
  to.com_x = from.com_x;
  to.com_y = from.com_y;
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
  // With a specimen model the planes of the filter are its phases.
  std::array<std::uint8_t, k_crystal_systems> system_of_phase{};
  bool phases = false;
  PhaseNames names;
  bool any = false;
};

LabelMap::Changes LabelMap::take_changes() {
  const std::lock_guard lock(mutex_);
  Changes changes;
  changes.threshold = threshold_;
  changes.filter = filter_;
  changes.closed = closed_;
  changes.allowed = allowed_;
  changes.system_of_phase = system_of_phase_;
  changes.names = phases_;
  changes.phases = phases_ != nullptr;
  for (const std::uint8_t system : system_of_phase_) changes.phases = changes.phases || system != 0;
  if (changes.phases) {
    changes.allowed = 0;
    for (std::size_t p = 1; p < system_of_phase_.size(); ++p)
      changes.allowed |= (allowed_ >> system_of_phase_[p] & 1u) << p;
  }
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
  // A place outside the map is a zero, as in the paper; in a scan narrower than the window (a line, one
  // pattern) zeros would leave no label at all.
  const bool narrow = std::min(scan_.rows, scan_.cols) <= 2 * k_filter_radius;
  for (std::uint32_t col = columns.first; col <= columns.last; ++col) {
    std::array<std::uint8_t, k_filter_window> systems{};
    std::array<float, k_filter_window> margins{};
    bool settled = true;
    int known = k_filter_window;
    std::size_t n = 0;
    for (const MapRow* line : around) {
      for (int d = -k_filter_radius; d <= k_filter_radius; ++d, ++n) {
        const std::int64_t c = std::int64_t{col} + d;
        if (!line || c < 0 || c >= std::int64_t{scan_.cols}) {
          if (narrow) --known;
          continue;
        }
        const auto at = static_cast<std::size_t>(c);
        settled = settled && line->raw_state[at] != 0;
        if (never_arrived(line->raw_state[at])) --known;
        systems[n] = changes.phases ? line->raw_phase[at] : line->raw_system[at];
        margins[n] = line->difference_confidence[at];
      }
    }
    FilteredLabel label;
    if (changes.filter) {
      label = filter_window(systems, margins, std::max(1, known), changes.allowed);
    } else {
      settled = out.raw_state[col] != 0;
      const std::uint8_t own = changes.phases ? out.raw_phase[col] : out.raw_system[col];
      if (changes.allowed >> own & 1u) label = {own, out.difference_confidence[col]};
    }
    out.filtered_system[col] = changes.phases ? changes.system_of_phase[label.system] : label.system;
    out.filtered_phase[col] = changes.phases ? label.system : std::uint8_t{0};
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
    out.phase[col] = 0;
    if (out.raw_state[col] != static_cast<std::uint8_t>(PositionState::labelled)) continue;
    const float margin = out.filtered_margin[col];
    if (out.filtered_system[col] != 0 && margin > 0 && static_cast<double>(margin) >= changes.threshold) {
      out.system[col] = out.filtered_system[col];
      out.phase[col] = out.filtered_phase[col];
    } else {
      out.state[col] = static_cast<std::uint8_t>(PositionState::low_confidence);
    }
  }
}

void LabelMap::count_row(std::uint32_t row, const MapRow& from) {
  row_states_[row] = {};
  row_systems_[row] = {};
  row_phases_[row] = {};
  for (std::uint32_t col = 0; col < scan_.cols; ++col) {
    ++row_states_[row][from.state[col]];
    if (from.state[col] == static_cast<std::uint8_t>(PositionState::labelled)) {
      ++row_systems_[row][from.system[col]];
      if (from.phase[col] > 0) ++row_phases_[row][from.phase[col]];
    } else if (from.state[col] == static_cast<std::uint8_t>(PositionState::low_confidence) &&
               from.raw_phase[col] == 0) {
      ++row_phases_[row][0];
    }
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
  snapshot->phases = changes.names;
  snapshot->rows = published_;
  for (std::uint32_t row = 0; row < scan_.rows; ++row) {
    for (std::size_t i = 0; i < snapshot->states.size(); ++i) snapshot->states[i] += row_states_[row][i];
    for (std::size_t i = 0; i < snapshot->systems.size(); ++i) snapshot->systems[i] += row_systems_[row][i];
    if (!changes.phases) continue;
    for (std::size_t i = 0; i < snapshot->phase_counts.size(); ++i)
      snapshot->phase_counts[i] += row_phases_[row][i];
  }
  snapshot->published_ns = steady_ns();
  return snapshot;
}

}  // namespace bragglive
