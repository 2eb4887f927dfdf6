// The Python sender of the examples, against the receiver.
#include "streams/frame_source.hpp"
#include "tests/integration/streams/child.hpp"
#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

const std::string k_python = BRAGGLIVE_PYTHON;
const std::string k_script = BRAGGLIVE_SOURCE_DIR "/examples/python_sender/send_scan.py";

bool have_python() {
  Child probe(k_python + " -c 'import zmq, msgpack, numpy'");
  if (probe.wait() == 0) return true;
  WARN("SKIPPED: " << k_python << " lacks zmq, msgpack or numpy");
  return false;
}

std::string fresh_ipc() {
  static int number = 0;
  return fmt::format("ipc:///tmp/bragglive-python-{}-{}", ::getpid(), ++number);
}

CollectedScan collect_until_end(FrameSource& source) {
  CollectedScan scan;
  while (!scan.ended) {
    SourceEvent event = source.next(std::chrono::seconds(20));
    REQUIRE_FALSE(std::holds_alternative<Idle>(event));
    REQUIRE_FALSE(std::holds_alternative<BadMessage>(event));
    if (auto* start = std::get_if<ScanStart>(&event)) scan.start = *start;
    if (auto* frame = std::get_if<FrameMessage>(&event)) {
      const auto bytes = frame->payload.bytes();
      scan.frames[frame->scan_index] = {bytes.begin(), bytes.end()};
      CHECK(frame->timestamp_ns > 1'700'000'000'000'000'000ULL);
    }
    scan.ended = std::holds_alternative<ScanEnd>(event);
  }
  return scan;
}

}  // namespace

TEST_CASE("the Python example sends made-up frames") {
  if (!have_python()) return;
  const std::string address = fresh_ipc();
  auto source = open_source(address, {});
  REQUIRE(source);
  Child child(k_python + " " + k_script + " --test 4x6 " + address);
  const auto scan = collect_until_end(**source);
  CHECK(scan.start.scan == ScanShape{4, 6});
  CHECK(scan.start.frame == FrameShape{128, 128});
  CHECK(scan.start.pixel == PixelType::u16);
  CHECK(scan.start.metadata.at("sender") == "send_scan.py");
  REQUIRE(scan.frames.size() == 24);
  // Frame 0: the middle of the disk holds 500.
  const auto& first = scan.frames.at(0);
  CHECK(std::to_integer<unsigned>(first[2 * (64 * 128 + 64)]) +
            256 * std::to_integer<unsigned>(first[2 * (64 * 128 + 64) + 1]) ==
        500);
  CHECK(child.wait() == 0);
  CHECK(child.output().find("sent 24 frames") != std::string::npos);
}

TEST_CASE("the Python example sends a file, connecting to a receiver that binds") {
  if (!have_python()) return;
  const TemporaryFolder folder;
  std::vector<float> values(2 * 3 * 8 * 8);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 7;
  write_file(folder.file("scan.npy"), npy("<f4", "(2, 3, 8, 8)", bytes_of(values)));
  write_file(folder.file("c.toml"), "[probe]\nradius_px = 4\n");
  const std::string address = fresh_ipc();
  auto source = open_source(address + "?bind", {});
  REQUIRE(source);
  Child child(fmt::format("{} {} --connect --rate 100 --calibration {} {} {}", k_python, k_script,
                          folder.file("c.toml"), folder.file("scan.npy"), address));
  const auto scan = collect_until_end(**source);
  CHECK(scan.start.metadata.at("calibration").starts_with("[probe]"));
  CHECK(joined(scan) == bytes_of(values));
  CHECK(child.wait() == 0);
}
