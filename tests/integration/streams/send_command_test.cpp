// `bragglive send` and `bragglive convert` as programs.
#include <set>

#include "tests/integration/streams/child.hpp"
#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

const std::string k_command = BRAGGLIVE_COMMAND;

std::string fresh_ipc() {
  static int number = 0;
  return fmt::format("ipc:///tmp/bragglive-send-{}-{}", ::getpid(), ++number);
}

// Frame i is full of i + 1.
struct Scan {
  TemporaryFolder folder;
  std::string file;
  std::string bytes;
  static constexpr std::uint64_t k_frames = 40;
  Scan() : file(folder.file("scan.npy")) {
    std::vector<std::uint16_t> values;
    for (std::uint64_t i = 0; i < k_frames; ++i)
      values.insert(values.end(), 256, static_cast<std::uint16_t>(i + 1));
    bytes = bytes_of(values);
    write_file(file, npy("<u2", "(5, 8, 16, 16)", bytes));
  }
};

struct Received {
  std::vector<std::uint64_t> order;  // scan indices of the frames of the last start's series
  std::vector<std::uint64_t> series;
  std::uint64_t stale = 0, bad = 0, wrong = 0, ends = 0, frames_sent = 0;
};

Received receive(FrameSource& source, std::uint64_t scans = 1,
                 std::chrono::milliseconds silence = std::chrono::seconds(10)) {
  Received got;
  ScanStart start;
  while (got.ends < scans) {
    SourceEvent event = source.next(silence);
    if (std::holds_alternative<Idle>(event)) return got;
    if (auto* begun = std::get_if<ScanStart>(&event)) {
      start = *begun;
      got.series.push_back(start.series_id);
    }
    if (std::holds_alternative<BadMessage>(event)) ++got.bad;
    if (auto* end = std::get_if<ScanEnd>(&event)) {
      ++got.ends;
      got.frames_sent = end->frames_sent;
    }
    auto* frame = std::get_if<FrameMessage>(&event);
    if (frame == nullptr) continue;
    if (frame->series_id != start.series_id) {
      ++got.stale;
      continue;
    }
    std::vector<std::byte> pixels(512);
    const auto decoded =
        decode_payload(start.encoding, start.frame, start.pixel, frame->payload.bytes(), pixels);
    if (!decoded || std::to_integer<std::uint64_t>(pixels[0]) != frame->frame_number + 1) ++got.wrong;
    got.order.push_back(frame->scan_index);
  }
  return got;
}

Received send_and_receive(const std::string& options, int code = 0, std::uint64_t scans = 1,
                          std::chrono::milliseconds silence = std::chrono::seconds(10)) {
  CAPTURE(options);
  const Scan scan;
  const std::string address = fresh_ipc();
  auto source = open_source(address, {});
  REQUIRE(source);
  Child child(fmt::format("{} send {} {} {}", k_command, scan.file, address, options));
  auto got = receive(**source, scans, silence);
  const int ended = child.wait();
  INFO(child.output());
  CHECK(ended == code);
  return got;
}

}  // namespace

TEST_CASE("send: every encoding arrives whole") {
  for (const char* encoding : {"none", "lz4", "bslz4"}) {
    const auto got = send_and_receive(std::string("--rate max --encoding ") + encoding);
    CHECK(got.order.size() == Scan::k_frames);
    CHECK(got.wrong == 0);
    CHECK(got.bad == 0);
    CHECK(got.frames_sent == Scan::k_frames);
  }
}

TEST_CASE("send: repeat gives each scan a series of its own, --frames and --series are obeyed") {
  const auto got = send_and_receive("--repeat 3 --frames 10 --series 70", 0, 3);
  CHECK(got.series == std::vector<std::uint64_t>{70, 71, 72});
  CHECK(got.order.size() == 30);
}

TEST_CASE("send: a scan that is packed once and sent three times is whole each time") {
  const auto got = send_and_receive("--repeat 3 --encoding bslz4 --rate 5000", 0, 3);
  CHECK(got.order.size() == 3 * Scan::k_frames);
  CHECK(got.wrong == 0);
}

TEST_CASE("send: the rate is kept") {
  const auto before = std::chrono::steady_clock::now();
  const auto got = send_and_receive("--rate 50");
  const auto took = std::chrono::steady_clock::now() - before;
  CHECK(got.order.size() == Scan::k_frames);
  CHECK(took > std::chrono::milliseconds(780));
  CHECK(took < std::chrono::seconds(5));
}

TEST_CASE("send: each fault does what it says") {
  CHECK(send_and_receive("--fault drop=2").order.size() == Scan::k_frames / 2);
  const auto twice = send_and_receive("--fault duplicate=10");
  CHECK(twice.order.size() == Scan::k_frames + 4);
  CHECK(std::set(twice.order.begin(), twice.order.end()).size() == Scan::k_frames);
  const auto backwards = send_and_receive("--fault reorder=4");
  CHECK(std::vector(backwards.order.begin(), backwards.order.begin() + 4) ==
        std::vector<std::uint64_t>{3, 2, 1, 0});
  CHECK(backwards.order.size() == Scan::k_frames);
  CHECK(send_and_receive("--fault truncate=8").bad == 5);
  const auto damaged = send_and_receive("--fault truncate=8 --encoding bslz4");
  CHECK(damaged.wrong == 5);  // arrives, and fails to decode
  CHECK(send_and_receive("--fault garbage=20").bad == 2);
  CHECK(send_and_receive("--fault stale=7").stale == 7);
  const auto outside = send_and_receive("--fault out-of-range=40");
  CHECK(outside.order.back() == 2 * Scan::k_frames - 1);
  CHECK(send_and_receive("--fault no-start").bad == Scan::k_frames);
  const auto dead = send_and_receive("--fault die=13", 9, 1, std::chrono::milliseconds(500));
  CHECK(dead.order.size() == 13);
  CHECK(dead.ends == 0);
  CHECK(send_and_receive("--fault no-end", 0, 1, std::chrono::milliseconds(500)).ends == 0);
}

TEST_CASE("convert: from a file, and over a socket") {
  const Scan scan;
  const std::string address = fresh_ipc();
  {
    Child convert(fmt::format("{} convert {} --out {}", k_command, address, scan.folder.file("live.npy")));
    Child send(fmt::format("{} send {} {} --encoding bslz4", k_command, scan.file, address));
    CHECK(send.wait() == 0);
    CHECK(convert.wait() == 0);
  }
  CHECK(joined(collect(scan.folder.file("live.npy"))) == scan.bytes);
  CHECK(collect(scan.folder.file("live.npy")).start.scan == ScanShape{5, 8});
  CHECK(Child(fmt::format("{} convert {} --out {}", k_command, scan.file, scan.folder.file("cube.h5")))
            .wait() == 0);
  CHECK(joined(collect(scan.folder.file("cube.h5"))) == scan.bytes);
  CHECK(Child(fmt::format("{} convert {} --frames 3 --out {}", k_command, scan.file,
                          scan.folder.file("few.npy")))
            .wait() == 0);
  CHECK(collect(scan.folder.file("few.npy")).start.scan == ScanShape{1, 3});
}

TEST_CASE("bad input: one clear line and the right exit code") {
  const Scan scan;
  const auto run = [&](const std::string& arguments, int code, const std::string& says) {
    CAPTURE(arguments);
    Child child(k_command + " " + arguments);
    CHECK(child.wait() == code);
    CHECK(child.output().find(says) != std::string::npos);
    CHECK(std::count(child.output().begin(), child.output().end(), '\n') == 1);
  };
  run("send nothing.npy tcp://127.0.0.1:1", 3, "does not exist");
  run("send " + scan.file + " somewhere", 2, "not an endpoint");
  run("send " + scan.file + " tcp://127.0.0.1:5999 --rate fast", 2, "--rate fast");
  run("send " + scan.file + " tcp://127.0.0.1:5999 --encoding zip", 2, "--encoding zip");
  run("send " + scan.file + " tcp://127.0.0.1:5999 --fault dance=1", 2, "unknown fault");
  run("send " + scan.file + " tcp://127.0.0.1:5999 --protocol morse", 2, "unknown protocol");
  run("send " + scan.file + " " + fresh_ipc() + " --wait 0.2", 3, "no receiver");
  run("convert " + scan.file + " --out out.txt", 2, "must end in");
  run("convert " + scan.file + " --out /nowhere/out.npy", 3, "cannot create");
  run("convert " + fresh_ipc() + " --wait 0.3 --out " + scan.folder.file("none.npy"), 3, "no scan came");
}
