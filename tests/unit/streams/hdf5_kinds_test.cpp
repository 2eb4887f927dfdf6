// HDF5 recordings of other makers: counted data, virtual datasets; and raw frames written as they came.
#include <array>
#include <cstring>

#include "core/hdf5/writer.hpp"
#include "streams/codec/codec.hpp"
#include "streams/recordings/raw_cube.hpp"
#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;
using hdf5::Handle;

namespace {

constexpr FrameShape k_frame{10, 12};

std::vector<std::byte> frame_bytes(unsigned value, std::size_t element = 2) {
  std::vector<std::byte> bytes(k_frame.pixels() * element);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(value + i % 7);
  return bytes;
}

void put_number(hid_t object, const char* name, std::int64_t value) {
  const Handle space(H5Screate(H5S_SCALAR));
  const Handle attribute(H5Acreate2(object, name, H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  H5Awrite(attribute.get(), H5T_NATIVE_INT64, &value);
}

void write_counted(const std::string& name, std::vector<std::vector<std::uint32_t>> lists,
                   const std::vector<std::uint32_t>& positions) {
  const Handle file(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  const Handle group(H5Gcreate2(file.get(), "electron_events", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const Handle type(H5Tvlen_create(H5T_NATIVE_UINT32));
  const hsize_t count = lists.size(), places = positions.size();
  const Handle space(H5Screate_simple(1, &count, nullptr)),
      place_space(H5Screate_simple(1, &places, nullptr));
  const Handle frames(
      H5Dcreate2(group.get(), "frames", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  std::vector<hvl_t> values;
  for (auto& list : lists) values.push_back({list.size(), list.data()});
  H5Dwrite(frames.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  put_number(frames.get(), "Nx", k_frame.cols);
  put_number(frames.get(), "Ny", k_frame.rows);
  const Handle where(H5Dcreate2(group.get(), "scan_positions", H5T_STD_U32LE, place_space.get(), H5P_DEFAULT,
                                H5P_DEFAULT, H5P_DEFAULT));
  H5Dwrite(where.get(), H5T_NATIVE_UINT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, positions.data());
  put_number(where.get(), "Nx", 3);
  put_number(where.get(), "Ny", 2);
}

// `channels` datasets of two frames each, bslz4, and a virtual one of (4, channels, rows, cols) over two
// files.
void write_virtual(const std::string& folder_file, const TemporaryFolder& folder, hsize_t channels,
                   bool hole) {
  const hsize_t all[] = {4, channels, k_frame.rows, k_frame.cols};
  const Handle space(H5Screate_simple(4, all, nullptr));
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  for (unsigned part = 0; part < 2; ++part) {
    const std::string name = fmt::format("part{}.h5", part);
    const Handle file(H5Fcreate(folder.file(name).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    for (unsigned channel = 0; channel < channels; ++channel) {
      const hsize_t dims[] = {2, k_frame.rows, k_frame.cols}, chunk[] = {1, k_frame.rows, k_frame.cols};
      const Handle packed(H5Pcreate(H5P_DATASET_CREATE)), source(H5Screate_simple(3, dims, nullptr));
      const unsigned bitshuffle[] = {0, 3, 2, 0, 2};
      H5Pset_chunk(packed.get(), 3, chunk);
      H5Pset_filter(packed.get(), 32008, H5Z_FLAG_OPTIONAL, 5, bitshuffle);
      const std::string path = fmt::format("/channel_{}", channel);
      const Handle dataset(H5Dcreate2(file.get(), path.c_str(), H5T_STD_U16LE, source.get(), H5P_DEFAULT,
                                      packed.get(), H5P_DEFAULT));
      for (unsigned i = 0; i < 2; ++i) {
        std::vector<std::byte> bytes;
        REQUIRE(encode_payload(Encoding::bslz4, k_frame, PixelType::u16,
                               frame_bytes(100 * channel + 2 * part + i), bytes));
        const hsize_t offset[] = {i, 0, 0};
        REQUIRE(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, offset, bytes.size(), bytes.data()) >= 0);
      }
      if (hole && part == 0) continue;
      const hsize_t start[] = {2 * part, channel, 0, 0}, count[] = {2, 1, k_frame.rows, k_frame.cols};
      H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, count, nullptr);
      REQUIRE(H5Pset_virtual(creation.get(), space.get(), name.c_str(), path.c_str(), source.get()) >= 0);
    }
  }
  H5Sselect_all(space.get());
  const Handle file(H5Fcreate(folder_file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  const Handle links(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links.get(), 1);
  const Handle dataset(H5Dcreate2(file.get(), "/entry/data/data", H5T_STD_U16LE, space.get(), links.get(),
                                  creation.get(), H5P_DEFAULT));
  REQUIRE(dataset);
}

}  // namespace

TEST_CASE("counted data: electrons become pixels, frames of one position add up") {
  const TemporaryFolder folder;
  write_counted(folder.file("counted.h5"), {{0, 0, 119}, {5}, {5, 6}, {}, {7}}, {0, 4, 4, 1, 5});
  const auto scan = collect(folder.file("counted.h5"));
  CHECK(scan.start.scan == ScanShape{2, 3});
  CHECK(scan.start.frame == k_frame);
  CHECK(scan.bad.size() == 2);  // positions 2 and 3 have no list
  REQUIRE(scan.frames.size() == 4);
  const auto at = [&](std::uint64_t position, std::size_t pixel) {
    std::uint16_t value = 0;
    std::memcpy(&value, scan.frames.at(position).data() + 2 * pixel, 2);
    return value;
  };
  CHECK(at(0, 0) == 2);
  CHECK(at(0, 119) == 1);
  CHECK(at(4, 5) == 2);
  CHECK(at(4, 6) == 1);
  CHECK(at(1, 5) == 0);
  CHECK(at(5, 7) == 1);

  write_counted(folder.file("outside.h5"), {{120}}, {0});
  CHECK(collect(folder.file("outside.h5")).bad.size() == 6);
  write_counted(folder.file("nowhere.h5"), {{1}}, {6});
  CHECK(open_error(folder.file("nowhere.h5")).find("position 6 lies outside") != std::string::npos);
}

TEST_CASE("a virtual dataset gives the frames of its sources, of the channel that is asked for") {
  const TemporaryFolder folder;
  write_virtual(folder.file("nxmx.h5"), folder, 2, false);
  for (const char* channel : {"", "threshold_1", "threshold_2", "2"}) {
    SourceOptions options;
    options.channel = channel;
    const auto scan = collect(folder.file("nxmx.h5"), options);
    CHECK(scan.start.encoding == Encoding::bslz4);
    REQUIRE(scan.frames.size() == 4);
    const unsigned base = std::string(channel).find('2') == std::string::npos ? 0 : 100;
    for (unsigned i = 0; i < 4; ++i) CHECK(scan.frames.at(i) == frame_bytes(base + i));
  }
  SourceOptions third;
  third.channel = "threshold_3";
  CHECK(open_error(folder.file("nxmx.h5"), third).find("has 2 channels") != std::string::npos);
  write_virtual(folder.file("hole.h5"), folder, 1, true);
  CHECK(open_error(folder.file("hole.h5")).find("have no source") != std::string::npos);
  write_virtual(folder.file("gone.h5"), folder, 1, false);
  std::filesystem::remove(folder.file("part1.h5"));
  CHECK(open_error(folder.file("gone.h5")).find("part1.h5") != std::string::npos);
}

TEST_CASE("raw frames in every encoding come back from the recording as they went in") {
  const TemporaryFolder folder;
  for (const Encoding encoding : {Encoding::none, Encoding::lz4, Encoding::bslz4, Encoding::hdf5_lz4}) {
    const std::string name = folder.file(fmt::format("raw_{}.h5", static_cast<int>(encoding)));
    ScanStart start;
    start.scan = {2, 3};
    start.frame = k_frame;
    start.encoding = encoding;
    {
      auto writer = hdf5::Writer::create(name, raw_cube_access().get());
      REQUIRE(writer);
      {
        auto cube = RawCube::create(writer->file(), start);
        REQUIRE(cube);
        for (unsigned i : {4U, 0U, 5U, 1U, 3U}) {  // 2 never comes
          std::vector<std::byte> packed;
          REQUIRE(encode_payload(encoding, k_frame, PixelType::u16, frame_bytes(i), packed));
          if (encoding == Encoding::bslz4 && i == 3) std::fill_n(packed.begin(), 12, std::byte{0});
          REQUIRE(cube->write(i, packed));
        }
        CHECK_FALSE(cube->write(2, {}));
        CHECK_FALSE(cube->disk_failed());
      }
      REQUIRE(writer->commit());
    }
    const auto scan = collect(name);
    CHECK(scan.start.scan == ScanShape{2, 3});
    if (encoding == Encoding::bslz4) CHECK(scan.start.encoding == Encoding::bslz4);
    for (unsigned i : {0U, 1U, 3U, 4U, 5U}) CHECK(scan.frames.at(i) == frame_bytes(i));
  }
}
