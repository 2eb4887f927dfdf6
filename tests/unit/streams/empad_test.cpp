// EMPAD files, and what becomes of a replay whose file is cut short under it.
#include <cstring>

#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

// Frame i is filled with i; the first generation's two rows behind it with -1.
std::string empad_frames(int count, int extra_rows) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    values.insert(values.end(), 128 * 128, static_cast<float>(i));
    values.insert(values.end(), static_cast<std::size_t>(128 * extra_rows), -1.0F);
  }
  return bytes_of(values);
}

std::vector<int> values_of(const CollectedScan& scan) {
  std::vector<int> values;
  for (const auto& [index, pixels] : scan.frames) {
    float first = 0, last = 0;
    std::memcpy(&first, pixels.data(), 4);
    std::memcpy(&last, pixels.data() + pixels.size() - 4, 4);
    CHECK(first == last);
    values.push_back(static_cast<int>(first));
  }
  return values;
}

}  // namespace

TEST_CASE("EMPAD: the scan from the name, from old and from new XML") {
  const TemporaryFolder folder;
  write_file(folder.file("scan_x3_y2.raw"), empad_frames(6, 2));
  auto scan = collect(folder.file("scan_x3_y2.raw"));
  CHECK(scan.start.scan == ScanShape{2, 3});
  CHECK(scan.start.frame == FrameShape{128, 128});
  CHECK(scan.start.pixel == PixelType::f32);
  CHECK(values_of(scan) == std::vector{0, 1, 2, 3, 4, 5});

  write_file(folder.file("a.raw"), empad_frames(6, 2));
  write_file(folder.file("old.xml"),
             "<?xml version=\"1.0\"?><root><raw_file filename=\"C:\\data\\a.raw\"/><pix_x>2</pix_x>"
             "<pix_y>3</pix_y></root>");
  CHECK(collect(folder.file("old.xml")).start.scan == ScanShape{3, 2});
  CHECK(collect(folder.file("a.raw")).start.scan == ScanShape{3, 2});  // found beside it

  write_file(folder.file("b.raw"), empad_frames(6, 2));
  write_file(folder.file("new.xml"),
             "<root><raw_file filename='b.raw'/>"
             "<scan_parameters mode=\"search\"><scan_resolution_x>99</scan_resolution_x>"
             "<scan_resolution_y>99</scan_resolution_y></scan_parameters>"
             "<scan_parameters mode=\"acquire\"><scan_resolution_x>6</scan_resolution_x>"
             "<scan_resolution_y>1</scan_resolution_y></scan_parameters></root>");
  CHECK(collect(folder.file("new.xml")).start.scan == ScanShape{1, 6});
}

TEST_CASE("EMPAD2 exports have no rows behind the frame, and may have fly-back frames") {
  const TemporaryFolder folder;
  write_file(folder.file("c.raw"), empad_frames(8, 0));
  write_file(
      folder.file("c.xml"),
      "<root><sensor>EMPAD2</sensor><raw_file filename='c.raw'/><pix_x>3</pix_x><pix_y>2</pix_y></root>");
  const auto scan = collect(folder.file("c.xml"));
  CHECK(scan.start.scan == ScanShape{2, 3});
  CHECK(values_of(scan) == std::vector{0, 1, 2, 4, 5, 6});  // 3 and 7 were on the way back
}

TEST_CASE("EMPAD files that are none") {
  const TemporaryFolder folder;
  write_file(folder.file("short.raw"), empad_frames(2, 2).substr(0, 100'000));
  CHECK(open_error(folder.file("short.raw")).find("66560") != std::string::npos);
  write_file(folder.file("other.xml"), "<html/>");
  CHECK(open_error(folder.file("other.xml")).find("names no raw file") != std::string::npos);
  write_file(folder.file("alone.xml"), "<root><raw_file filename='gone.raw'/></root>");
  CHECK(open_error(folder.file("alone.xml")).find("gone.raw") != std::string::npos);
}

TEST_CASE("a file that is cut short while it is replayed gives damaged frames, not a crash") {
  const TemporaryFolder folder;
  const std::string file = folder.file("scan.npy");
  write_file(file, npy("<u2", "(40, 256, 256)", std::string(std::size_t{40} * 256 * 256 * 2, 'x')));
  SourceOptions slow;
  slow.rate_hz = 1000;
  const auto source = open_source(file, slow);
  REQUIRE(source);
  std::size_t good = 0, damaged = 0;
  std::string said;
  for (bool cut = false;;) {
    SourceEvent event = (*source)->next(std::chrono::milliseconds(2000));
    if (std::holds_alternative<EndOfSource>(event)) break;
    if (auto* frame = std::get_if<FrameMessage>(&event)) {
      CHECK(std::to_integer<char>(frame->payload.bytes()[100]) == 'x');
      ++good;
    }
    if (auto* bad = std::get_if<BadMessage>(&event)) {
      said = bad->error.message;
      ++damaged;
    }
    if (good == 1 && !std::exchange(cut, true)) std::filesystem::resize_file(file, 3 * 256 * 256 * 2);
  }
  CHECK(good + damaged == 40);
  CHECK_FALSE((*source)->frame_again(39));
  if (damaged > 0) CHECK(said.find("became shorter") != std::string::npos);
}
