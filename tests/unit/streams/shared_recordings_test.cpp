// Real recordings, held against checksums that numpy and h5py computed from the same files.
#include <zlib.h>

#include "tests/shared_data.hpp"
#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

struct Known {
  const char* file;
  const char* dataset;
  ScanShape scan;
  FrameShape frame;
  PixelType pixel;
  unsigned long crc;  // of all pixels in scan order, native-endian
};

const Known k_known[] = {
    {"real/mgo_sped.h5", ":/strip/data", {14, 109}, {144, 144}, PixelType::u16, 0x3cfd3f6d},
    {"real/mgo_sped.h5", ":/block/data", {64, 34}, {144, 144}, PixelType::u16, 0x1908f38f},
    {"real/merlin_scan_16x16_200kV.hdf5", "", {16, 16}, {256, 256}, PixelType::u16, 0x1b56ef34},
    {"real/sped_2x3.blo", "", {3, 2}, {144, 144}, PixelType::u8, 0x80ca1832},
    {"real/si110_200kV_CL380mm.mib", "", {1, 1}, {256, 256}, PixelType::u16, 0x9a090fa4},
    {"real/au_xgrating_20cm.tif", "", {1, 1}, {256, 256}, PixelType::f32, 0x8cf10cfd},
    {"recordings/dectris-arina/test_00_master.h5", "", {4, 4}, {192, 192}, PixelType::u32, 0x0575d59d},
    {"recordings/dectris-arina/test_00_data_000001.h5", "", {1, 16}, {192, 192}, PixelType::u32, 0x0575d59d},
    {"recordings/merlin/001_4x2_6bit.mib", "", {1, 8}, {256, 256}, PixelType::u8, 0xaba9a43b},
    {"recordings/merlin/Single_1_Frame_CounterDepth_12_Rows_256.mib",
     "",
     {1, 1},
     {256, 256},
     PixelType::u16,
     0x739da642},
};

}  // namespace

TEST_CASE("real recordings decode bit for bit") {
  for (const Known& known : k_known) {
    const std::string relative = std::string("data/") + known.file;
    if (!have_shared(relative)) continue;
    CAPTURE(known.file, known.dataset);
    const std::string uri = shared_path(relative).string() + known.dataset;
    const auto scan = collect(uri);
    CHECK(scan.start.scan == known.scan);
    CHECK(scan.start.frame == known.frame);
    CHECK(scan.start.pixel == known.pixel);
    CHECK(scan.bad.empty());
    CHECK(scan.ended);
    REQUIRE(scan.frames.size() == known.scan.positions());
    const std::string all = joined(scan);
    CHECK(crc32_z(0, reinterpret_cast<const Bytef*>(all.data()), all.size()) == known.crc);

    const auto source = open_source(uri, {});
    const std::uint64_t last = known.scan.positions() - 1;
    CHECK((*source)->frame_again(last) == scan.frames.at(last));
    CHECK_FALSE((*source)->frame_again(last + 1));
  }
}

TEST_CASE("a file of two scans asks which one") {
  if (!have_shared("data/real/mgo_sped.h5")) return;
  const std::string file = shared_path("data/real/mgo_sped.h5").string();
  CHECK(open_error(file).find("/block/data (64x34x144x144), /strip/data") != std::string::npos);
  SourceOptions options;
  options.dataset = "/strip/data";
  CHECK(open_error(file, options) == "opened");
  options.dataset = "/strip/nothing";
  CHECK(open_error(file, options).find("no dataset '/strip/nothing'") != std::string::npos);
}
