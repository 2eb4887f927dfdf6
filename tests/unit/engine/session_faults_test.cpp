// Scans that go wrong: every fault is counted, every position has a state, the session goes on or ends
// cleanly.
#include <numeric>

#include "plugin/scan_result.hpp"
#include "streams/scan_path.hpp"
#include "tests/catch.hpp"
#include "tests/unit/engine/scripted_scan.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {
constexpr auto k_patience = std::chrono::seconds(20);

struct Run {
  std::unique_ptr<Session> session;
  std::shared_ptr<const MapSnapshot> map;
  EngineCounters counters;
};

Run run(std::unique_ptr<ScriptedSource> source, SessionConfig config = session_config()) {
  Run result;
  result.session = std::move(*Session::create(std::move(config)));
  REQUIRE(result.session->start(std::move(source)));
  REQUIRE(result.session->wait_finished(k_patience));
  result.map = result.session->snapshot();
  result.counters = result.session->counters();
  if (result.map)
    CHECK(std::accumulate(result.map->states.begin(), result.map->states.end(), std::uint64_t{0}) ==
          result.map->scan.positions());
  return result;
}
}  // namespace

TEST_CASE("positions without a frame are missing, damaged frames are corrupt") {
  auto source = std::make_unique<ScriptedSource>(false);
  source->add(scan_start({2, 5}));
  for (std::uint64_t i = 0; i < 7; ++i) source->add(frame(i, 9));
  FrameMessage cut = frame(7, 9);
  cut.payload = payload(std::vector<std::byte>(100));
  source->add(std::move(cut));
  source->add(BadMessage{{ErrorArea::format, "not a frame"}, 8, 1});
  source->add(BadMessage{{ErrorArea::format, "of another series"}, 9, 77});
  source->add(ScanEnd{1, 0});
  source->add(EndOfSource{});
  const Run result = run(std::move(source));
  CHECK(count(*result.map, PositionState::missing) == 1);
  CHECK(count(*result.map, PositionState::corrupt) == 2);
  CHECK(result.counters.corrupt == 2);
  CHECK(result.counters.bad_messages == 2);
  CHECK(PositionState{result.map->rows[1]->state[2]} == PositionState::corrupt);
}

TEST_CASE("frames outside the scan, second frames and frames of an old series are counted and left out") {
  auto source = std::make_unique<ScriptedSource>(false);
  source->add(frame(0, 9, 7));  // before any scan
  source->add(scan_start({2, 2}, 8));
  source->add(frame(4, 9, 8));
  source->add(frame(std::uint64_t{1} << 63, 9, 8));
  source->add(frame(0, 9, 7));
  source->add(frame(0, 3, 8));
  source->add(frame(0, 9, 8));  // the first one counts
  source->add(ScanEnd{8, 0});
  source->add(EndOfSource{});
  const Run result = run(std::move(source));
  CHECK(result.counters.out_of_range == 2);
  CHECK(result.counters.stale_series == 2);
  CHECK(result.counters.duplicates == 1);
  CHECK(count(*result.map, PositionState::too_few_disks) == 1);
  CHECK(count(*result.map, PositionState::missing) == 3);
}

TEST_CASE("a sender that dies and comes back with the same scan goes on with the map") {
  auto source = std::make_unique<ScriptedSource>(true);
  source->add(scan_start({2, 2}));
  source->add(frame(0, 9));
  source->add(scan_start({2, 2}));
  for (std::uint64_t i = 0; i < 4; ++i) source->add(frame(i, 9));
  source->add(ScanEnd{1, 4});
  const Run result = run(std::move(source));
  CHECK(count(*result.map, PositionState::missing) == 0);
  CHECK(result.counters.duplicates == 1);
}

TEST_CASE("a sender that stays away: the scan is closed, later frames are late") {
  SessionConfig config = session_config();
  config.scan_timeout = std::chrono::milliseconds(100);
  auto source = std::make_unique<ScriptedSource>(true);
  ScriptedSource* script = source.get();
  source->add(scan_start({2, 2}));
  source->add(frame(0, 9));
  Run result = run(std::move(source), config);
  CHECK(count(*result.map, PositionState::missing) == 3);
  script->add(frame(1, 9));
  script->add(frame(0, 9));  // had its frame: not late
  REQUIRE(eventually([&] { return count(*result.session->snapshot(), PositionState::late) == 1; }));
  CHECK(result.session->counters().late == 1);
  CHECK(count(*result.session->snapshot(), PositionState::missing) == 2);
}

TEST_CASE("a new series closes the one before it") {
  auto source = std::make_unique<ScriptedSource>(true);
  source->add(scan_start({2, 2}, 1));
  source->add(frame(0, 9, 1));
  source->add(scan_start({1, 2}, 2));
  source->add(frame(0, 9, 2));
  source->add(frame(1, 9, 2));
  source->add(frame(1, 9, 1));
  source->add(ScanEnd{1, 0});  // stray end of the old series
  auto session = Session::create(session_config());
  REQUIRE((*session)->start(std::move(source)));
  REQUIRE(eventually([&] {
    const auto map = (*session)->snapshot();
    return map && map->series_id == 2 && count(*map, PositionState::pending) == 0 &&
           (*session)->counters().stale_series == 1;
  }));
  CHECK((*session)->state() == SessionState::scanning);
}

TEST_CASE("stopping in mid-scan keeps what was labelled") {
  auto source = std::make_unique<ScriptedSource>(true);
  source->add(scan_start({4, 4}));
  for (std::uint64_t i = 0; i < 6; ++i) source->add(frame(i, 3));
  auto session = Session::create(session_config());
  REQUIRE((*session)->start(std::move(source)));
  REQUIRE(eventually(
      [&] { return (*session)->counters().stages[static_cast<std::size_t>(Stage::store)].out == 6; }));
  (*session)->stop();
  CHECK((*session)->state() == SessionState::stopped);
  const auto map = (*session)->snapshot();
  CHECK(map->finished);
  CHECK(count(*map, PositionState::too_few_disks) == 6);
  CHECK(count(*map, PositionState::missing) == 10);
}

TEST_CASE("scans that cannot be labelled are refused with the reason") {
  const auto reason = [](ScanStart start, SessionConfig config = session_config()) {
    auto source = std::make_unique<ScriptedSource>(false);
    source->add(std::move(start));
    source->add(EndOfSource{});
    const Run result = run(std::move(source), std::move(config));
    CHECK(result.session->state() == SessionState::failed);
    CHECK_FALSE(result.map);
    return result.session->last_error();
  };
  ScanStart start = scan_start({2, 2});
  start.frame = {32, 64};
  CHECK_THAT(reason(start), Catch::Contains("calibration is for frames of 64 x 64"));
  start = scan_start({0, 2});
  CHECK_THAT(reason(start), Catch::Contains("0 x 2 positions"));
  start = scan_start({1u << 13, 1u << 13});  // allowed by number; by memory only on a large machine
  start.frame = {32, 64};
  CHECK_FALSE(reason(start).empty());
  start = scan_start({1u << 31, 1u << 31});
  CHECK_THAT(reason(start), Catch::Contains("cannot be labelled"));
  start = scan_start({2, 2});
  start.frame = {k_max_detector_side + 1, 64};
  CHECK_THAT(reason(start), Catch::Contains("64 pixels cannot be labelled"));
  SessionConfig config = session_config();
  config.calibration.reset();
  CHECK_THAT(reason(scan_start({2, 2}), config), Catch::Contains("without a calibration"));
}

TEST_CASE("a live endpoint with a bad scan start waits for a better one") {
  auto source = std::make_unique<ScriptedSource>(true);
  source->add(scan_start({0, 0}));
  source->add(scan_start({1, 1}, 2));
  source->add(frame(0, 9, 2));
  source->add(ScanEnd{2, 1});
  const Run result = run(std::move(source));
  CHECK(result.session->state() == SessionState::finished);
  CHECK(result.counters.bad_messages == 1);
}

TEST_CASE("an empty recording is an error that names it") {
  auto source = std::make_unique<ScriptedSource>(false);
  source->add(EndOfSource{});
  const Run result = run(std::move(source));
  CHECK(result.session->state() == SessionState::failed);
  CHECK_THAT(result.session->last_error(), Catch::Contains("a script holds no frame"));
}

TEST_CASE("a session refuses what it cannot work with") {
  SessionConfig config = session_config();
  config.model = nullptr;
  CHECK_FALSE(Session::create(config));
  config = session_config();
  config.threshold = 1.5;
  CHECK_FALSE(Session::create(config));
  config = session_config();
  config.calibration->pixel_size_inv_angstrom = -1;
  CHECK_FALSE(Session::create(config));
  auto session = Session::create(session_config());
  CHECK_FALSE((*session)->start(nullptr));
  CHECK_FALSE((*session)->snapshot());
  REQUIRE((*session)->start(std::make_unique<ScriptedSource>(true)));
  CHECK_FALSE((*session)->start(std::make_unique<ScriptedSource>(true)));  // already running
}

TEST_CASE(
    "a frame that does not come is missing before the scan is over, and counts when it comes after all") {
  SessionConfig config = session_config();
  config.reorder_window = {4, std::chrono::milliseconds(60000)};
  auto source = std::make_unique<ScriptedSource>(true);
  ScriptedSource* script = source.get();
  auto session = std::move(*Session::create(config));
  REQUIRE(session->start(std::move(source)));
  script->add(scan_start({2, 6}));
  for (std::uint64_t i : {0, 1, 4, 5, 6, 7, 8}) script->add(frame(i, 9));
  REQUIRE(eventually([&] { return session->counters().lost == 2; }));
  REQUIRE(eventually([&] { return count(*session->snapshot(), PositionState::missing) == 2; }));
  CHECK(session->state() == SessionState::scanning);
  script->add(frame(2, 9));
  REQUIRE(eventually([&] { return count(*session->snapshot(), PositionState::missing) == 1; }));
  CHECK(session->counters().lost == 1);
  CHECK(session->counters().disordered == 1);
  for (std::uint64_t i : {9, 10, 11}) script->add(frame(i, 9));
  script->add(ScanEnd{1, 0});
  REQUIRE(session->wait_finished(k_patience));
  CHECK(count(*session->snapshot(), PositionState::missing) == 1);
  CHECK(count(*session->snapshot(), PositionState::pending) == 0);
}

TEST_CASE("another client that takes every second frame is told of, whatever the detector") {
  SessionConfig config = session_config();
  std::mutex mutex;
  std::string said;
  config.log = [&](LogLevel, std::string_view text) {
    const std::lock_guard lock(mutex);
    said += text;
  };
  auto source = std::make_unique<ScriptedSource>(true);
  source->add(scan_start({10, 10}));
  for (std::uint64_t i = 1; i < 100; i += 2) source->add(frame(i, 9));
  source->add(ScanEnd{1, 0});
  const Run result = run(std::move(source), config);
  CHECK(result.counters.stride == 2);
  CHECK(result.counters.lost == 50);
  CHECK(count(*result.map, PositionState::missing) == 50);
  const std::lock_guard lock(mutex);
  CHECK(said.find("only every second frame arrives: another client") != std::string::npos);
}

TEST_CASE("frames beside the scan are no fault") {
  auto source = std::make_unique<ScriptedSource>(true);
  source->add(scan_start({1, 3}));
  for (std::uint64_t i = 0; i < 3; ++i) {
    FrameMessage lead = frame(i, 9);
    lead.scan_index = k_no_position;
    source->add(std::move(lead));
  }
  for (std::uint64_t i = 0; i < 3; ++i) {
    FrameMessage on = frame(i, 9);
    on.frame_number = i + 3;
    source->add(std::move(on));
  }
  source->add(ScanEnd{1, 0});
  const Run result = run(std::move(source));
  CHECK(result.counters.beside_scan == 3);
  CHECK(result.counters.out_of_range + result.counters.lost + result.counters.disordered == 0);
  CHECK(count(*result.map, PositionState::missing) == 0);
}

TEST_CASE("late frames are in the file that is saved again; the next scan does not wait for a slow disk") {
  SessionConfig config = session_config();
  config.scan_timeout = std::chrono::milliseconds(900);
  std::mutex mutex;
  std::vector<std::string> saved;
  std::atomic<bool> disk_is_slow{true};
  config.on_scan_closed = [&](const ScanResult& scan) {
    while (disk_is_slow) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::lock_guard lock(mutex);
    saved.push_back(
        fmt::format("{}.{} late {}", scan.number, scan.revision, count(*scan.map, PositionState::late)));
  };
  auto source = std::make_unique<ScriptedSource>(true);
  ScriptedSource* script = source.get();
  auto session = std::move(*Session::create(config));
  REQUIRE(session->start(std::move(source)));
  script->add(scan_start({2, 2}, 1));
  script->add(frame(0, 9, 1));
  REQUIRE(session->wait_finished(k_patience));
  script->add(frame(1, 9, 1));
  script->add(frame(2, 9, 1));
  script->add(scan_start({1, 2}, 2));
  script->add(frame(0, 9, 2));
  const bool labelled_meanwhile = eventually([&] {
    const auto map = session->snapshot();
    return map->series_id == 2 && count(*map, PositionState::pending) == 1;
  });
  CHECK(saved.empty());
  disk_is_slow = false;
  CHECK(labelled_meanwhile);
  script->add(frame(1, 9, 2));
  script->add(ScanEnd{2, 0});
  REQUIRE(eventually(
      [&] { return session->snapshot()->series_id == 2 && session->state() == SessionState::finished; }));
  session->stop();
  CHECK(saved == std::vector<std::string>{"1.0 late 0", "1.1 late 2", "2.0 late 0"});
  const auto history = session->history();
  REQUIRE(history.size() == 2);
  CHECK(history[0]->header.series_id == 1);
  CHECK(history[0]->revision == 1);
  CHECK(count(*history[0]->map, PositionState::late) == 2);
}

TEST_CASE("the history is bounded by scans and by memory") {
  for (const bool by_memory : {false, true}) {
    SessionConfig config = session_config();
    config.history_scans = by_memory ? 100 : 3;
    config.history_bytes = by_memory ? 2 * 400 * 4 : 1 << 30;
    auto source = std::make_unique<ScriptedSource>(true);
    for (std::uint64_t series = 1; series <= 5; ++series) {
      source->add(scan_start({2, 2}, series));
      for (std::uint64_t i = 0; i < 4; ++i) source->add(frame(i, 9, series));
      source->add(ScanEnd{series, 0});
    }
    auto session = std::move(*Session::create(config));
    REQUIRE(session->start(std::move(source)));
    REQUIRE(
        eventually([&] { return !session->history().empty() && session->history().back()->number == 5; }));
    CHECK(session->history().size() == (by_memory ? 2U : 3U));
    CHECK(session->history().front()->header.series_id == (by_memory ? 4U : 3U));
  }
}

TEST_CASE("pixels that the stream names as dead are not looked at") {
  for (const bool masked : {false, true}) {
    auto source = std::make_unique<ScriptedSource>(false);
    ScanStart start = scan_start({1, 1});
    if (masked) {
      std::string text;
      for (int r = -4; r <= 4; ++r)  // a whole disk
        for (int c = -4; c <= 4; ++c) text += fmt::format("{},", (16 + r) * 64 + 32 + c);
      start.metadata["masked_pixels"] = text + "99999999,junk";
    }
    source->add(start);
    source->add(frame(0, 9));
    source->add(ScanEnd{1, 0});
    source->add(EndOfSource{});
    const Run result = run(std::move(source));
    CHECK(result.map->rows[0]->disk_count[0] == (masked ? 8 : 9));
  }
}
