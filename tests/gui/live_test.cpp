// The window's session over the real engine: opening, stopping, opening again, failing, going away in
// mid-scan.
#include <QElapsedTimer>
#include <QEventLoop>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTimer>

#include "gui/live/live_session.hpp"
#include "gui/window/operator_window.hpp"
#include "plugin/known_crystal/known_crystal.hpp"
#include "plugin/shipped_model.hpp"
#include "streams/demo/demo_source.hpp"
#include "tests/catch.hpp"
#include "tests/shared_data.hpp"

using namespace bragglive;
using namespace bragglive::gui;

namespace {

OpenRequest demo(const char* source, double rate = 0) {
  OpenRequest request;
  request.source = QString::fromLatin1(source);
  request.model = QStringLiteral("default");
  request.rate_hz = rate;
  request.threads = 2;
  return request;
}

// Lets events run until `done` or 60 s have passed.
template <class Done>
bool wait_for(Done done) {
  QElapsedTimer clock;
  clock.start();
  QEventLoop loop;
  QTimer tick;
  QObject::connect(&tick, &QTimer::timeout, &loop, [&] {
    if (done() || clock.elapsed() > 60000) loop.quit();
  });
  tick.start(5);
  loop.exec();
  return done();
}

bool finished(const LiveSession& session) {
  const auto map = session.snapshot();
  return !session.opening() && map && map->finished && session.state() == SessionState::finished;
}

}  // namespace

TEST_CASE("a demo scan through the engine: map, pattern, threshold, result file, and again") {
  LiveSession session(demo_factories());
  OperatorWindow window(session, ThemeKind::dark, nullptr, true);
  window.set_dialogs(false);
  QTemporaryDir folder;
  OpenRequest request = demo("demo:gold?scan=32x24&particles=6");
  request.out = folder.filePath(QStringLiteral("scan.h5"));
  QString saved;
  QObject::connect(&session, &SessionPort::saved, &session, [&](const QString& file) { saved = file; });
  window.open(request);
  REQUIRE(wait_for([&] { return finished(session) && !saved.isEmpty(); }));
  CHECK(QFileInfo(saved).size() > 1000);
  window.refresh_now();
  CHECK_FALSE(window.inviting());
  CHECK(window.map_view().raster().image().size() == QSize(24, 32));
  CHECK(window.map_view().raster().snapshot() == session.snapshot());

  PositionDetail detail;
  REQUIRE(session.detail({5, 7}, detail));
  CHECK(detail.shape == FrameShape{192, 192});
  CHECK_FALSE(detail.pixels.empty());
  CHECK_FALSE(session.detail({32, 0}, detail));
  // Asked in a hurry: the last question is answered, on this thread.
  std::optional<ScanPosition> answered;
  std::optional<PositionDetail> answer;
  QObject::connect(&session, &SessionPort::detail_ready, &session,
                   [&](ScanPosition at, std::optional<PositionDetail> got) {
                     answered = at;
                     answer = std::move(got);
                   });
  // The window asks through the same port for the position it follows: its question may replace ours once.
  const auto ask_in_a_hurry = [&] {
    for (std::uint32_t c = 0; c < 20; ++c) session.ask_detail({3, c});
  };
  QElapsedTimer asked;
  asked.start();
  ask_in_a_hurry();
  REQUIRE(wait_for([&] {
    if (answered == ScanPosition{3, 19}) return true;
    if (asked.elapsed() > 2000) {
      ask_in_a_hurry();
      asked.restart();
    }
    return false;
  }));
  REQUIRE(answer);
  CHECK(answer->position == ScanPosition{3, 19});
  CHECK(answer->pixels.size() == std::size_t{192} * 192 * 2);

  const auto labelled = [&] {
    return session.snapshot()->states[static_cast<std::size_t>(PositionState::labelled)];
  };
  const std::uint64_t before = labelled();
  REQUIRE(before > 0);
  session.set_threshold(1);  // what is quite sure stays
  CHECK(wait_for([&] { return labelled() < before; }));
  session.set_threshold(0.005);
  CHECK(wait_for([&] { return labelled() == before; }));

  window.trigger(Command::start);
  REQUIRE(wait_for([&] { return finished(session); }));
  CHECK(labelled() == before);
}

TEST_CASE(
    "the window calibrates on a scan's first rows and labels them, too; a crystal it cannot read is "
    "refused") {
  if (!test::have_shared("data/cif/Au.cif")) return;
  LiveSession session(demo_factories(), set_known_crystal);
  OpenRequest request = demo("demo:gold?scan=32x24&particles=12");
  request.first = {6, test::shared_path("data/cif/Au.cif").string(), 0};
  session.open(request);
  REQUIRE(wait_for([&] { return finished(session); }));
  CHECK(session.made_by().contains(QStringLiteral("calibrated on the first 6 rows")));
  const auto map = session.snapshot();
  CHECK(map->states[static_cast<std::size_t>(PositionState::labelled)] > 0);
  CHECK(map->states[static_cast<std::size_t>(PositionState::missing)] == 0);

  request.first.known = "no_such.cif";
  session.open(request);
  REQUIRE(wait_for([&] { return session.last_failure().has_value(); }));
  CHECK(session.last_failure()->message.find("no_such.cif") != std::string::npos);
}

TEST_CASE("stop ends a scan at once and leaves what was labelled; going away in mid-scan is clean") {
  auto session = std::make_unique<LiveSession>(demo_factories());
  session->open(demo("demo:gold?scan=64x64&particles=20"));
  REQUIRE(wait_for([&] { return !session->opening() && session->snapshot(); }));
  session->stop();
  CHECK_FALSE(session->receiving());
  CHECK(session->snapshot()->finished);
  CHECK((session->state() == SessionState::stopped || session->state() == SessionState::finished));
  session->open(demo("demo:gold?scan=64x64&particles=20"));
  REQUIRE(wait_for([&] { return !session->opening() && session->snapshot(); }));
  session.reset();
}

TEST_CASE("what cannot be opened is said, and the next source still opens") {
  LiveSession session(demo_factories());
  QString complaint;
  QObject::connect(&session, &SessionPort::failed, &session,
                   [&](const QString& message) { complaint = message; });
  for (const char* source : {"/no/such/recording.npy", "demo:unobtainium", "tcp://not an endpoint"}) {
    complaint.clear();
    session.open(demo(source));
    REQUIRE(wait_for([&] { return !session.opening(); }));
    INFO(source);
    CHECK_FALSE(complaint.isEmpty());
    CHECK(session.last_failure());
  }
  OpenRequest request = demo("demo:gold?scan=8x8&particles=1");
  request.model = QStringLiteral("/no/such/model.blm");
  complaint.clear();
  session.open(request);
  REQUIRE(wait_for([&] { return !complaint.isEmpty(); }));
  CHECK(complaint.contains(QStringLiteral("/no/such/model.blm")));
  session.open(demo("demo:gold?scan=8x8&particles=1"));
  CHECK(wait_for([&] { return finished(session); }));
}

TEST_CASE("of two sources opened in a hurry the second counts") {
  LiveSession session(demo_factories());
  session.open(demo("demo:gold?scan=16x16&particles=2"));
  session.open(demo("demo:gold?scan=8x8&particles=1"));
  REQUIRE(wait_for([&] { return finished(session); }));
  CHECK(session.snapshot()->scan == ScanShape{8, 8});
}

TEST_CASE("the window is told at most 30 times a second, and the last snapshot is never held back") {
  LiveSession session(demo_factories());
  int told = 0;
  QElapsedTimer clock;
  QObject::connect(&session, &SessionPort::snapshot_ready, &session, [&] { ++told; });
  session.open(demo("demo:gold?scan=48x48&particles=10"));
  clock.start();
  REQUIRE(wait_for([&] { return finished(session); }));
  const auto final_map = session.snapshot();
  const int so_far = told;
  wait_for([&] { return told > so_far || clock.elapsed() > 20000; });
  CHECK(told >= 1);
  CHECK(told <= clock.elapsed() / 33 + 2);
  CHECK(session.snapshot() == final_map);
}
