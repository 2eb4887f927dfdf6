// The growing map against the same filter on the whole map at once, and its states.
#include "core/label/label_map.hpp"

#include <algorithm>
#include <numeric>
#include <random>

#include "core/label/median_filter.hpp"
#include "tests/catch.hpp"

using namespace bragglive;

namespace {

PositionResult labelled(std::uint64_t index, CrystalSystem system, float margin) {
  PositionResult result;
  result.index = index;
  result.state = PositionState::labelled;
  result.label.system = system;
  result.label.difference_confidence = margin;
  result.label.confidence = 0.5f + margin / 2;
  return result;
}

PositionResult ended(std::uint64_t index, PositionState state) {
  PositionResult result;
  result.index = index;
  result.state = state;
  return result;
}

std::uint64_t sum(const StateCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

// The definition, position by position over the whole map.
FilteredLabel whole_map_filter(ScanShape scan, const std::vector<PositionResult>& results, std::uint32_t row,
                               std::uint32_t col) {
  FilteredLabel best;
  for (std::uint8_t system = 1; system < k_crystal_systems; ++system) {
    std::vector<float> window;
    for (int dr = -2; dr <= 2; ++dr)
      for (int dc = -2; dc <= 2; ++dc) {
        const int r = static_cast<int>(row) + dr, c = static_cast<int>(col) + dc;
        float value = 0;
        if (r >= 0 && c >= 0 && r < static_cast<int>(scan.rows) && c < static_cast<int>(scan.cols)) {
          const auto& result = results[static_cast<std::size_t>(r) * scan.cols + static_cast<std::size_t>(c)];
          if (result.state == PositionState::skipped_by_policy) continue;  // says nothing
          if (result.state == PositionState::labelled &&
              static_cast<std::uint8_t>(result.label.system) == system)
            value = result.label.difference_confidence;
        }
        window.push_back(value);
      }
    if (window.empty()) continue;
    std::sort(window.begin(), window.end());
    const float lower_median = window[(window.size() - 1) / 2];
    if (lower_median > best.margin) best = {system, lower_median};
  }
  return best;
}

}  // namespace

TEST_CASE("a map filtered while it grows equals the whole-map filter bit for bit") {
  const ScanShape scan{17, 23};
  std::mt19937 random(3);
  std::vector<PositionResult> results(scan.positions());
  for (std::uint64_t i = 0; i < scan.positions(); ++i) {
    const bool predicted = random() % 10 != 0;
    const auto system = (i % scan.cols) < 12 ? CrystalSystem::cubic : CrystalSystem::hexagonal;
    results[i] =
        predicted ? labelled(i, random() % 4 ? system : CrystalSystem::tetragonal,
                             static_cast<float>(random() % 80) / 80.f)
                  : ended(i, random() % 2 ? PositionState::too_few_disks : PositionState::skipped_by_policy);
  }
  std::vector<std::uint64_t> order(scan.positions());
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), random);

  LabelMap map(scan, {8, 8}, 1);
  std::shared_ptr<const MapSnapshot> last;
  for (std::size_t i = 0; i < order.size(); ++i) {
    REQUIRE(map.claim(order[i]) == LabelMap::Claim::granted);
    map.store({&results[order[i]], 1});
    if (random() % 5 == 0)
      if (auto snapshot = map.publish()) {
        last = snapshot;
        CHECK(sum(last->states) == scan.positions());
      }
  }
  map.close();
  last = map.publish();
  REQUIRE(last);
  CHECK(last->finished);
  CHECK(sum(last->states) == scan.positions());
  for (std::uint32_t row = 0; row < scan.rows; ++row)
    for (std::uint32_t col = 0; col < scan.cols; ++col) {
      const FilteredLabel expected = whole_map_filter(scan, results, row, col);
      REQUIRE(last->rows[row]->filtered_system[col] == expected.system);
      REQUIRE(last->rows[row]->filtered_margin[col] == expected.margin);
      REQUIRE(last->rows[row]->settled[col] == 1);
    }
}

TEST_CASE("every position ends in exactly one state, and they add up") {
  const ScanShape scan{4, 5};
  LabelMap map(scan, {8, 8}, 1);
  CHECK(sum(map.publish()->states) == 20);
  const PositionState ends[] = {PositionState::too_few_disks, PositionState::skipped_by_policy,
                                PositionState::corrupt};
  for (std::uint64_t i = 0; i < 3; ++i) {
    REQUIRE(map.claim(i) == LabelMap::Claim::granted);
    const PositionResult result = ended(i, ends[i]);
    map.store({&result, 1});
  }
  CHECK(map.claim(1) == LabelMap::Claim::duplicate);
  CHECK(map.claim(20) == LabelMap::Claim::out_of_range);
  CHECK(map.close() == 17);
  CHECK(map.mark_late(7));
  CHECK_FALSE(map.mark_late(7));
  CHECK_FALSE(map.mark_late(1));
  const auto snapshot = map.publish();
  CHECK(snapshot->states == StateCounts{0, 0, 0, 1, 1, 16, 1, 1});
}

TEST_CASE("threshold, filter and systems act on the stored planes") {
  const ScanShape scan{6, 6};
  LabelMap map(scan, {8, 8}, 1);
  for (std::uint64_t i = 0; i < scan.positions(); ++i) {
    map.claim(i);
    const PositionResult result =
        labelled(i, i == 14 ? CrystalSystem::hexagonal : CrystalSystem::cubic, 0.2f);
    map.store({&result, 1});
  }
  auto snapshot = map.publish();
  const auto state_of = [&](std::uint32_t row, std::uint32_t col) {
    return PositionState{snapshot->rows[row]->state[col]};
  };
  CHECK(snapshot->rows[2]->system[2] ==
        static_cast<std::uint8_t>(CrystalSystem::cubic));  // the lone one is filtered
  CHECK(state_of(0, 0) ==
        PositionState::low_confidence);  // a corner has 9 of 25 entries: zero padding empties it
  CHECK(map.publish() == nullptr);       // nothing changed

  map.set_filter(false);
  snapshot = map.publish();
  CHECK(snapshot->rows[2]->system[2] == static_cast<std::uint8_t>(CrystalSystem::hexagonal));
  CHECK(state_of(0, 0) == PositionState::labelled);
  map.set_threshold(0.3);
  snapshot = map.publish();
  CHECK(snapshot->states[static_cast<std::size_t>(PositionState::low_confidence)] == 36);
  map.set_threshold(0.005);
  map.set_systems(1u << static_cast<unsigned>(CrystalSystem::hexagonal));
  snapshot = map.publish();
  CHECK(snapshot->systems[static_cast<std::size_t>(CrystalSystem::hexagonal)] == 1);
  CHECK(snapshot->systems[static_cast<std::size_t>(CrystalSystem::cubic)] == 0);
}

TEST_CASE("rows that did not change are shared between snapshots") {
  const ScanShape scan{32, 8};
  LabelMap map(scan, {8, 8}, 1);
  const auto before = map.publish();
  map.claim(0);
  const PositionResult result = labelled(0, CrystalSystem::cubic, 0.5f);
  map.store({&result, 1});
  const auto after = map.publish();
  CHECK(after->rows[0] != before->rows[0]);
  CHECK(after->rows[2] != before->rows[2]);
  CHECK(after->rows[3] == before->rows[3]);
  CHECK(after->rows[31] == before->rows[31]);
}

TEST_CASE("disks are kept for every position and come back in 1/A") {
  LabelMap map({2, 2}, {8, 8}, 1);
  const BraggList disks = {{0.1, -0.2, 3}, {0.4, 0.5, 6}};
  map.claim(2);
  PositionResult result = labelled(2, CrystalSystem::cubic, 0.5f);
  result.disks = disks;
  map.store({&result, 1});
  BraggList out;
  REQUIRE(map.peaks(2, out));
  REQUIRE(out.size() == 2);
  CHECK(out[1].qy == Approx(0.5));
  std::vector<std::uint64_t> offsets;
  std::vector<float> qx, qy, intensity;
  map.copy_peaks(offsets, qx, qy, intensity);
  CHECK(offsets == std::vector<std::uint64_t>{0, 0, 0, 2, 2});
  CHECK(intensity == std::vector<float>{3, 6});
}

TEST_CASE("with a specimen model the planes of the filter are phases, two of one crystal system stay apart") {
  LabelMap map({10, 10}, {16, 16}, 1);
  std::vector<PositionResult> results;
  for (std::uint64_t i = 0; i < 100; ++i) {
    // Left half phase 1, right half phase 2, both cubic; one stray and one pattern that is none of them.
    PositionResult result = labelled(i, CrystalSystem::cubic, 0.5F);
    result.label.phase = i % 10 < 5 ? 1 : 2;
    if (i == 42) result.label.phase = 2;
    if (i == 47) result.label.phase = 0, result.label.system = CrystalSystem::none;
    results.push_back(result);
  }
  map.store(results);
  const auto snapshot = map.publish();
  REQUIRE(snapshot);
  CHECK(snapshot->rows[4]->phase[2] == 1);  // the stray was outvoted
  CHECK(snapshot->rows[4]->raw_phase[2] == 2);
  CHECK(snapshot->rows[4]->phase[7] == 2);
  CHECK(snapshot->rows[5]->phase[1] == 1);
  CHECK(snapshot->rows[5]->system[8] == static_cast<std::uint8_t>(CrystalSystem::cubic));
  map.set_systems(0xfeU & ~(1U << static_cast<unsigned>(CrystalSystem::cubic)));
  CHECK(map.publish()->rows[5]->phase[1] == 0);
}

TEST_CASE("a snapshot names the phases, counts them and those patterns that are none of them") {
  LabelMap map({10, 10}, {16, 16}, 1);
  const auto names =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"none of these", "Au", "Si"});
  map.set_phases(names);
  std::vector<PositionResult> results;
  for (std::uint64_t i = 0; i < 100; ++i) {
    PositionResult result = labelled(i, CrystalSystem::cubic, 0.5F);
    result.label.phase = 2;
    if (i < 30) result.label.phase = 0, result.label.system = CrystalSystem::none;
    result.label.mixed = 0.25F, result.label.outlier = 0.75F;
    results.push_back(result);
  }
  map.store(results);
  map.set_filter(false);
  const auto snapshot = map.publish();
  REQUIRE(snapshot);
  CHECK(snapshot->phases == names);
  CHECK(snapshot->phase_counts[0] == 30);
  CHECK(snapshot->phase_counts[1] == 0);
  CHECK(snapshot->phase_counts[2] == 70);
  CHECK(snapshot->rows[5]->mixed[3] == 0.25F);
  CHECK(snapshot->rows[5]->outlier[3] == 0.75F);
  PatternLabel label;
  REQUIRE(map.label(99, label));
  CHECK(label.phase == 2);
  CHECK(label.mixed == 0.25F);
  CHECK(label.outlier == 0.75F);
}

TEST_CASE("a scan of which two of three positions were skipped is labelled by the third") {
  const ScanShape scan{12, 12};
  LabelMap map(scan, {8, 8}, 1);
  for (std::uint64_t i = 0; i < scan.positions(); ++i) {
    REQUIRE(map.claim(i) == LabelMap::Claim::granted);
    const PositionResult result =
        i % 3 == 0 ? labelled(i, CrystalSystem::cubic, 0.4F) : ended(i, PositionState::skipped_by_policy);
    map.store({&result, 1});
  }
  map.close();
  const auto snapshot = map.publish();
  REQUIRE(snapshot);
  CHECK(snapshot->states[static_cast<std::size_t>(PositionState::skipped_by_policy)] == 96);
  // At the borders too few of the window lie on the map.
  CHECK(snapshot->states[static_cast<std::size_t>(PositionState::labelled)] >= 20);
  CHECK(snapshot->rows[6]->system[6] == static_cast<std::uint8_t>(CrystalSystem::cubic));
}

TEST_CASE("one pattern and a line are labelled, though their windows lie outside the map mostly") {
  for (const ScanShape scan : {ScanShape{1, 1}, ScanShape{1, 9}, ScanShape{4, 9}}) {
    LabelMap map(scan, {8, 8}, 1);
    for (std::uint64_t i = 0; i < scan.positions(); ++i) {
      REQUIRE(map.claim(i) == LabelMap::Claim::granted);
      const PositionResult result = labelled(i, CrystalSystem::cubic, 0.4F);
      map.store({&result, 1});
    }
    map.close();
    const auto snapshot = map.publish();
    REQUIRE(snapshot);
    CHECK(snapshot->states[static_cast<std::size_t>(PositionState::labelled)] == scan.positions());
  }
}
