// Raw frames on the disk while they are labelled: all of them, as they came, with the result behind them.
#include <unistd.h>

#include <filesystem>

#include "plugin/scan_result.hpp"
#include "streams/codec/codec.hpp"
#include "tests/catch.hpp"
#include "tests/unit/engine/scripted_scan.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

struct File {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("bragglive-record-{}.h5", ::getpid());
  ~File() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

Payload packed(Encoding encoding, int disks) {
  std::vector<std::byte> bytes;
  REQUIRE(encode_payload(encoding, k_frame, PixelType::u16, frame_with_disks(disks), bytes));
  return payload(std::move(bytes));
}

std::unique_ptr<Session> label_scan(SessionConfig config, Encoding encoding, bool live) {
  auto source = std::make_unique<ScriptedSource>(live);
  ScanStart start = scan_start({2, 3});
  start.encoding = encoding;
  source->add(start);
  for (std::uint64_t i : {5, 0, 1, 3, 4}) {  // 2 never comes
    FrameMessage message = frame(i, 9);
    message.payload = packed(encoding, static_cast<int>(i) + 3);
    source->add(std::move(message));
  }
  source->add(ScanEnd{1, 0});
  source->add(EndOfSource{});
  auto session = std::move(*Session::create(std::move(config)));
  REQUIRE(session->start(std::move(source)));
  REQUIRE(session->wait_finished(std::chrono::seconds(20)));
  REQUIRE(eventually([&] { return !session->is_receiving(); }));
  return session;
}

}  // namespace

TEST_CASE("a recording holds every frame as it came, and can be labelled again") {
  for (const Encoding encoding : {Encoding::none, Encoding::bslz4, Encoding::lz4}) {
    for (const bool live : {false, true}) {
      const File file;
      SessionConfig config = session_config();
      config.record_to = [&](unsigned scan) { return scan == 1 ? file.path : std::filesystem::path(); };
      const auto session = label_scan(config, encoding, live);
      CHECK(session->counters().recorded == 5);
      CHECK(session->counters().not_recorded == 0);
      CHECK(count(*session->snapshot(), PositionState::missing) == 1);
      auto again = open_source(file.path.string(), {});
      REQUIRE(again);
      for (std::uint64_t i : {0, 1, 3, 4, 5}) {
        auto event = (*again)->next(std::chrono::milliseconds(0));
        CHECK((*again)->frame_again(i) == frame_with_disks(static_cast<int>(i) + 3));
      }
      if (const char* keep = std::getenv("BRAGGLIVE_KEEP_RECORDING"))
        std::filesystem::copy_file(file.path, fmt::format("{}_{}.h5", keep, name_of(encoding)),
                                   std::filesystem::copy_options::overwrite_existing);
    }
  }
}

TEST_CASE("a full disk stops the recording, not the labelling") {
  const File file;
  std::string said;
  SessionConfig config = session_config();
  config.record_to = [&](unsigned) { return file.path; };
  config.record_reserve_bytes = std::uint64_t{1} << 62;  // more than any disk has left
  config.log = [&](LogLevel level, std::string_view text) {
    if (level == LogLevel::error) said += text;
  };
  const auto session = label_scan(config, Encoding::none, false);
  CHECK(session->counters().recorded == 0);
  CHECK(session->counters().not_recorded == 5);
  CHECK(said.find("the recording has stopped, the labelling goes on: only") != std::string::npos);
  CHECK(count(*session->snapshot(), PositionState::missing) == 1);
  CHECK(count(*session->snapshot(), PositionState::pending) == 0);
}

TEST_CASE("a recording that cannot be begun leaves the labelling alone") {
  std::string said;
  SessionConfig config = session_config();
  config.record_to = [](unsigned) { return "/nonexistent-folder/record.h5"; };
  config.log = [&](LogLevel level, std::string_view text) {
    if (level == LogLevel::error) said += text;
  };
  const auto session = label_scan(config, Encoding::none, false);
  CHECK(said.find("labelled but not recorded") != std::string::npos);
  CHECK(count(*session->snapshot(), PositionState::missing) == 1);
}
