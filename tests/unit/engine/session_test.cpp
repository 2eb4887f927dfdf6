// A session from start to end on scans that are what they should be.
#include <atomic>
#include <numeric>

#include "tests/catch.hpp"
#include "tests/unit/engine/scripted_scan.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {
constexpr auto k_patience = std::chrono::seconds(20);

std::unique_ptr<ScriptedSource> whole_scan(ScanShape scan, bool live) {
  auto source = std::make_unique<ScriptedSource>(live);
  source->add(scan_start(scan));
  // Columns below 6 show 9 disks, the others 6; the last row too few.
  for (std::uint64_t i = 0; i < scan.positions(); ++i)
    source->add(frame(i, i >= scan.positions() - scan.cols ? 3 : i % scan.cols < 6 ? 9 : 6));
  source->add(ScanEnd{1, scan.positions()});
  if (!live) source->add(EndOfSource{});
  return source;
}
}  // namespace

TEST_CASE("a probe with structure is said once, and the scan is labelled the slow way") {
  const ScanShape scan{6, 6};
  SessionConfig config = session_config();
  config.calibration = calibration();
  // Two bright bars.
  config.calibration->probe = {13, std::vector<float>(169, 0.0f)};
  for (std::size_t row = 2; row < 11; ++row)
    for (const std::size_t col : {3u, 9u}) config.calibration->probe.values[row * 13 + col] = 1;
  std::atomic<int> said{0};
  config.log = [&said](LogLevel level, std::string_view text) {
    said += level == LogLevel::warning && text.find("no evenly lit disk") != std::string_view::npos;
  };
  auto session = Session::create(config);
  REQUIRE(session);
  REQUIRE((*session)->start(whole_scan(scan, false)));
  REQUIRE((*session)->wait_finished(k_patience));
  CHECK((*session)->state() == SessionState::finished);
  CHECK(said == 1);
  CHECK((*session)->counters().skipped == 0);
  const auto map = (*session)->snapshot();
  REQUIRE(map);
  CHECK(count(*map, PositionState::pending) == 0);
  CHECK(map->rows[0]->disk_count[2] >= 5);
}

TEST_CASE("a recording is labelled completely and the states add up") {
  const ScanShape scan{12, 12};
  auto session = Session::create(session_config());
  REQUIRE(session);
  int published = 0;
  (*session)->on_snapshot([&] { ++published; });
  REQUIRE((*session)->start(whole_scan(scan, false)));
  REQUIRE((*session)->wait_finished(k_patience));
  CHECK((*session)->state() == SessionState::finished);
  const auto map = (*session)->snapshot();
  REQUIRE(map);
  CHECK(map->finished);
  CHECK(std::accumulate(map->states.begin(), map->states.end(), std::uint64_t{0}) == scan.positions());
  CHECK(count(*map, PositionState::too_few_disks) == 12);
  CHECK(count(*map, PositionState::pending) == 0);
  CHECK(PositionState{map->rows[5]->state[3]} == PositionState::labelled);
  CHECK(CrystalSystem{map->rows[5]->system[2]} == CrystalSystem::cubic);
  CHECK(CrystalSystem{map->rows[5]->system[9]} == CrystalSystem::hexagonal);
  CHECK(map->rows[5]->disk_count[2] == 9);
  CHECK(map->rows[5]->space_group[2] == 225);
  CHECK(map->rows[0]->dark_field[0] > 8 * 400 * 20);
  CHECK(published > 0);

  const EngineCounters counters = (*session)->counters();
  CHECK(counters.frames_received == scan.positions());
  for (Stage stage :
       {Stage::receive, Stage::decode, Stage::detect, Stage::features, Stage::forest, Stage::store}) {
    const StageCounters& cell = counters.stages[static_cast<std::size_t>(stage)];
    CHECK(cell.in == scan.positions());
    CHECK(cell.out == scan.positions());
    CHECK(cell.queued == 0);
  }
  for (Stage stage : {Stage::filter, Stage::publish}) {  // once for each snapshot
    CHECK(counters.stages[static_cast<std::size_t>(stage)].out > 0);
    CHECK(counters.stages[static_cast<std::size_t>(stage)].seconds > 0);
  }
  CHECK(counters.latency.count == scan.positions());
  CHECK(counters.latency.p50_ms <= counters.latency.p99_ms);
  CHECK(counters.latency.p99_ms <= counters.latency.max_ms);
  CHECK(counters.slots_in_use == 0);
}

TEST_CASE("a live endpoint finishes its scan and labels the next one") {
  const ScanShape scan{6, 6};
  auto session = Session::create(session_config());
  auto source = whole_scan(scan, true);
  ScriptedSource* script = source.get();
  REQUIRE((*session)->start(std::move(source)));
  REQUIRE((*session)->wait_finished(k_patience));
  CHECK((*session)->snapshot()->series_id == 1);
  script->add(scan_start({3, 4}, 2));
  for (std::uint64_t i = 0; i < 12; ++i) script->add(frame(i, 9, 2));
  script->add(ScanEnd{2, 12});
  REQUIRE(
      eventually([&] { return (*session)->snapshot()->series_id == 2 && (*session)->snapshot()->finished; }));
  CHECK((*session)->snapshot()->scan == ScanShape{3, 4});
  REQUIRE(eventually([&] { return (*session)->state() == SessionState::finished; }));
  CHECK((*session)->times().frames == 12);  // of this scan, not of the session
  CHECK((*session)->start(
      std::make_unique<ScriptedSource>(true)));  // another source may follow a finished scan
  (*session)->stop();
  CHECK((*session)->state() == SessionState::stopped);
}

TEST_CASE("a click gets the disks, the label and, as long as it is kept, the frame") {
  auto session = Session::create(session_config());
  REQUIRE((*session)->start(whole_scan({6, 6}, true)));
  REQUIRE((*session)->wait_finished(k_patience));
  PositionDetail detail;
  REQUIRE((*session)->position_detail({1, 2}, detail));
  CHECK(detail.disks_px.size() == 9);
  CHECK(detail.disks_q.size() == 9);
  REQUIRE(detail.label);
  CHECK(detail.label->votes[static_cast<std::size_t>(CrystalSystem::cubic)] == 60);
  CHECK(detail.pixels == frame_with_disks(9));
  bool found = false;
  for (const BraggPeak& disk : detail.disks_px)
    found = found || (std::abs(disk.qx - 16) < 0.1 && std::abs(disk.qy - 48) < 0.1);
  CHECK(found);
  CHECK_FALSE((*session)->position_detail({6, 0}, detail));
}

TEST_CASE("frames that no longer fit the memory are forgotten, oldest first") {
  SessionConfig config = session_config();
  config.recent_frame_bytes = 5 * k_frame.pixels() * 2;
  auto session = Session::create(config);
  REQUIRE((*session)->start(whole_scan({6, 6}, true)));
  REQUIRE((*session)->wait_finished(k_patience));
  std::size_t kept = 0;
  PositionDetail detail;
  for (std::uint32_t row = 0; row < 6; ++row)
    for (std::uint32_t col = 0; col < 6; ++col) {
      REQUIRE((*session)->position_detail({row, col}, detail));
      kept += detail.pixels.empty() ? 0 : 1;
    }
  CHECK(kept == 5);
}

TEST_CASE("a replay waits for a slow model and loses nothing; a live stream skips and says so") {
  auto model = std::make_shared<DiskCountModel>();
  model->delay = std::chrono::milliseconds(5);
  SessionConfig config = session_config(model);
  config.pool_slots = 6;
  for (const bool live : {false, true}) {
    auto session = Session::create(config);
    REQUIRE((*session)->start(whole_scan({20, 20}, live)));
    REQUIRE((*session)->wait_finished(k_patience));
    const auto map = (*session)->snapshot();
    CHECK(std::accumulate(map->states.begin(), map->states.end(), std::uint64_t{0}) == 400);
    CHECK(count(*map, PositionState::missing) == 0);
    if (live) {
      CHECK(count(*map, PositionState::skipped_by_policy) > 0);
      CHECK(count(*map, PositionState::skipped_by_policy) == (*session)->counters().skipped);
    } else {
      CHECK(count(*map, PositionState::skipped_by_policy) == 0);
    }
  }
}

TEST_CASE("threshold, filter and systems act on a finished scan at once") {
  auto session = Session::create(session_config());
  REQUIRE((*session)->start(whole_scan({12, 12}, false)));
  REQUIRE((*session)->wait_finished(k_patience));
  (*session)->set_threshold(0.6);
  CHECK(count(*(*session)->snapshot(), PositionState::labelled) == 0);
  (*session)->set_threshold(0.1);
  CHECK(count(*(*session)->snapshot(), PositionState::labelled) > 0);
  (*session)->set_systems({CrystalSystem::hexagonal});
  CHECK((*session)->snapshot()->systems[static_cast<std::size_t>(CrystalSystem::cubic)] == 0);
  (*session)->set_filter(false);
  CHECK_FALSE((*session)->snapshot()->filtered);
}

TEST_CASE("the scan's metadata may bring the calibration") {
  SessionConfig config = session_config();
  config.calibration.reset();
  auto session = Session::create(config);
  auto source = std::make_unique<ScriptedSource>(false);
  ScanStart start = scan_start({2, 2});
  start.metadata["calibration"] = to_toml(calibration());
  source->add(start);
  for (std::uint64_t i = 0; i < 4; ++i) source->add(frame(i, 9));
  source->add(EndOfSource{});
  REQUIRE((*session)->start(std::move(source)));
  REQUIRE((*session)->wait_finished(k_patience));
  CHECK((*session)->state() == SessionState::finished);
  REQUIRE((*session)->calibration());
  CHECK((*session)->calibration()->pixel_size_inv_angstrom == 0.02);
}
