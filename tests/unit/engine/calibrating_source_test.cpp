// The first rows of a scan as its calibration.
#include "plugin/calibrating_source.hpp"

#include <atomic>

#include "tests/catch.hpp"
#include "tests/unit/engine/scripted_scan.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

CalibratingSettings settings(std::uint32_t rows) {
  CalibratingSettings made;
  made.rows = rows;
  made.config.pixel_size = 0.021;
  return made;
}

// With a direct beam that is brighter than the others.
FrameMessage frame_with_beam(std::uint64_t index, int disks) {
  std::vector<std::byte> bytes = frame_with_disks(disks);
  for (int row = 29; row <= 35; ++row)
    for (int col = 29; col <= 35; ++col) {
      std::uint16_t value = 0;
      std::byte* at = bytes.data() + 2 * (row * 64 + col);
      std::memcpy(&value, at, 2);
      value = static_cast<std::uint16_t>(3 * value);
      std::memcpy(at, &value, 2);
    }
  FrameMessage message = frame(index, 0);
  message.payload = payload(std::move(bytes));
  return message;
}

std::unique_ptr<ScriptedSource> scripted(ScanShape scan, bool live, int disks) {
  auto source = std::make_unique<ScriptedSource>(live);
  source->add(scan_start(scan));
  for (std::uint64_t i = 0; i < scan.positions(); ++i) source->add(frame_with_beam(i, disks));
  source->add(ScanEnd{1, scan.positions()});
  if (!live) source->add(EndOfSource{});
  return source;
}

}  // namespace

TEST_CASE("what was held for the calibration is handed on in its order, with the calibration") {
  const ScanShape scan{6, 8};
  const auto source = calibrate_first_rows(scripted(scan, true, 9), settings(2));
  CHECK(source->live());
  std::vector<std::uint64_t> seen;
  bool started = false;
  bool ended = false;
  for (int tries = 0; tries < 2000 && !ended; ++tries) {
    SourceEvent event = source->next(std::chrono::milliseconds(20));
    if (const auto* start = std::get_if<ScanStart>(&event)) {
      CHECK_FALSE(started);
      started = true;
      const auto calibration = calibration_from_toml(start->metadata.at("calibration"), "the start");
      REQUIRE(calibration);
      CHECK(calibration->origin_row[0] == Approx(32).margin(0.1));
      CHECK(calibration->probe_radius_px == Approx(k_radius_px).margin(0.4));
      CHECK(calibration->pixel_size_inv_angstrom == 0.021);
      CHECK(source->behind());
    } else if (const auto* message = std::get_if<FrameMessage>(&event)) {
      seen.push_back(message->scan_index);
    }
    ended = std::holds_alternative<ScanEnd>(event);
  }
  CHECK(started);
  REQUIRE(seen.size() == scan.positions());
  for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == i);
  CHECK_FALSE(source->behind());
}

TEST_CASE("a scan that calibrates itself loses no position") {
  for (const bool live : {true, false}) {
    SessionConfig config = session_config();
    config.calibration.reset();
    config.pool_slots = 8;  // fewer than are held
    auto session = Session::create(config);
    REQUIRE(session);
    REQUIRE((*session)->start(calibrate_first_rows(scripted({12, 16}, live, 9), settings(10))));
    for (int tries = 0; tries < 500 && (*session)->state() != SessionState::finished; ++tries)
      (*session)->wait_finished(std::chrono::milliseconds(20));
    (*session)->stop();
    const auto map = (*session)->snapshot();
    REQUIRE(map);
    CAPTURE(live, map->states);
    // The model's answers do not pass the filter in the corners.
    CHECK(map->states[static_cast<std::size_t>(PositionState::labelled)] +
              map->states[static_cast<std::size_t>(PositionState::low_confidence)] ==
          192);
    CHECK((*session)->counters().skipped == 0);
    CHECK((*session)->calibration()->pixel_size_inv_angstrom == 0.021);
  }
}

TEST_CASE("a calibration that fails says why and leaves the scan its own") {
  for (const bool has_own : {true, false}) {
    auto source = std::make_unique<ScriptedSource>(true);
    ScanStart start = scan_start({2, 4});
    if (has_own) start.metadata["calibration"] = to_toml(calibration());
    source->add(start);
    for (std::uint64_t i = 0; i < 8; ++i) source->add(frame(i, 0));
    source->add(ScanEnd{1, 8});
    CalibratingSettings failing = settings(1);
    std::atomic<int> errors{0};
    failing.log = [&errors](LogLevel level, std::string_view text) {
      errors += level == LogLevel::error && text.find("first rows") != std::string_view::npos;
    };
    SessionConfig config = session_config();
    config.calibration.reset();
    auto session = Session::create(config);
    REQUIRE(session);
    REQUIRE((*session)->start(calibrate_first_rows(std::move(source), failing)));
    for (int tries = 0;
         tries < 500 && (*session)->state() != SessionState::finished && (*session)->last_error().empty();
         ++tries)
      (*session)->wait_finished(std::chrono::milliseconds(10));
    CHECK(errors == 1);
    CHECK(((*session)->state() == SessionState::finished) == has_own);
    (*session)->stop();
  }
}
