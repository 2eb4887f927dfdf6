// DECTRIS master and data files made by hand: several data files, lead-in and fly-back frames, damage.
#include <hdf5.h>

#include <future>
#include <thread>

#include "core/hdf5/handle.hpp"
#include "streams/codec/codec.hpp"
#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;
using hdf5::Handle;

namespace {

constexpr FrameShape k_frame{16, 24};

// Frame i is full of i.
std::vector<std::byte> frame_bytes(std::uint64_t number) {
  std::vector<std::byte> bytes(k_frame.pixels() * 2);
  for (std::size_t i = 0; i < bytes.size(); i += 2) bytes[i] = static_cast<std::byte>(number);
  return bytes;
}

void write_data_file(const std::string& name, std::uint64_t first, std::uint64_t frames, Encoding encoding,
                     std::uint64_t left_out = ~0ULL) {
  const Handle file(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  const Handle links(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links.get(), 1);
  const Handle create(H5Pcreate(H5P_DATASET_CREATE));
  const hsize_t dims[] = {frames, k_frame.rows, k_frame.cols}, chunk[] = {1, k_frame.rows, k_frame.cols};
  H5Pset_chunk(create.get(), 3, chunk);
  const unsigned bitshuffle[] = {0, 3, 2, 0, 2}, lz4[] = {0};
  if (encoding == Encoding::bslz4)
    H5Pset_filter(create.get(), 32008, H5Z_FLAG_OPTIONAL, 5, bitshuffle);
  else
    H5Pset_filter(create.get(), 32004, H5Z_FLAG_OPTIONAL, 1, lz4);
  const Handle space(H5Screate_simple(3, dims, nullptr));
  const Handle dataset(H5Dcreate2(file.get(), "/entry/data/data", H5T_STD_U16LE, space.get(), links.get(),
                                  create.get(), H5P_DEFAULT));
  must(static_cast<bool>(dataset));
  for (std::uint64_t i = 0; i < frames; ++i) {
    if (first + i == left_out) continue;
    std::vector<std::byte> packed;
    must(encode_payload(encoding, k_frame, PixelType::u16, frame_bytes(first + i), packed).has_value());
    const hsize_t offset[] = {i, 0, 0};
    must(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, offset, packed.size(), packed.data()) >= 0);
  }
}

void write_master(const TemporaryFolder& folder, int files) {
  const Handle file(
      H5Fcreate(folder.file("scan_master.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  const Handle entry(H5Gcreate2(file.get(), "entry", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const Handle data(H5Gcreate2(entry.get(), "data", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  for (int i = 1; i <= files; ++i)
    H5Lcreate_external(fmt::format("scan_data_{:06}.h5", i).c_str(), "/entry/data/data", data.get(),
                       fmt::format("data_{:06}", i).c_str(), H5P_DEFAULT, H5P_DEFAULT);
}

// What the detector was set up for, and the links to files that may come later.
void announce(const TemporaryFolder& folder, std::uint64_t images, std::uint64_t triggers) {
  const Handle file(H5Fopen(folder.file("scan_master.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
  const Handle links(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links.get(), 1);
  const Handle space(H5Screate(H5S_SCALAR));
  for (const auto& [name, value] : {std::pair{"nimages", images}, std::pair{"ntrigger", triggers}}) {
    const std::string path = std::string("/entry/instrument/detector/detectorSpecific/") + name;
    const Handle dataset(H5Dcreate2(file.get(), path.c_str(), H5T_STD_U64LE, space.get(), links.get(),
                                    H5P_DEFAULT, H5P_DEFAULT));
    REQUIRE(H5Dwrite(dataset.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) >= 0);
  }
}

void write_stem(const TemporaryFolder& folder, std::uint32_t rows, std::uint32_t cols,
                std::uint32_t prescan) {
  const Handle file(H5Fcreate(folder.file("scan.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  const Handle group(H5Gcreate2(file.get(), "STEM Metadata", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  for (const auto& [name, value] : {std::pair{"NumPixelsY", rows}, std::pair{"NumPixelsX", cols},
                                    std::pair{"NumPixelsPrescan", prescan}}) {
    const Handle space(H5Screate(H5S_SCALAR));
    const Handle attribute(
        H5Acreate2(group.get(), name, H5T_STD_U32LE, space.get(), H5P_DEFAULT, H5P_DEFAULT));
    H5Awrite(attribute.get(), H5T_NATIVE_UINT32, &value);
  }
}

}  // namespace

TEST_CASE("DECTRIS master: data files follow each other, both filters") {
  for (Encoding encoding : {Encoding::bslz4, Encoding::hdf5_lz4}) {
    const TemporaryFolder folder;
    write_data_file(folder.file("scan_data_000001.h5"), 0, 7, encoding);
    write_data_file(folder.file("scan_data_000002.h5"), 7, 5, encoding);
    write_master(folder, 2);
    const auto plain = collect(folder.file("scan_master.h5"));
    CHECK(plain.start.scan == ScanShape{1, 12});
    CHECK(plain.start.encoding == encoding);
    for (std::uint64_t i = 0; i < 12; ++i) CHECK(plain.frames.at(i) == frame_bytes(i));
    write_stem(folder, 3, 4, 0);
    CHECK(collect(folder.file("scan_master.h5")).start.scan == ScanShape{3, 4});
  }
}

TEST_CASE("ARINA: lead-in frames and fly-back frames are not positions") {
  const TemporaryFolder folder;
  write_data_file(folder.file("scan_data_000001.h5"), 0, 12, Encoding::bslz4);
  write_master(folder, 1);
  write_stem(folder, 2, 5, 2);  // 12 = 2 + 2 * 5
  const auto led = collect(folder.file("scan_master.h5"));
  CHECK(led.start.scan == ScanShape{2, 5});
  CHECK(led.frames.size() == 10);
  CHECK(led.frames.at(0) == frame_bytes(2));
  CHECK(led.frames.at(9) == frame_bytes(11));
  write_stem(folder, 3, 3, 1);  // 12 = 3 * (3 + 1)
  const auto flown = collect(folder.file("scan_master.h5"));
  CHECK(flown.start.scan == ScanShape{3, 3});
  CHECK(flown.frames.at(2) == frame_bytes(2));
  CHECK(flown.frames.at(3) == frame_bytes(4));
  CHECK(flown.frames.at(8) == frame_bytes(10));
  write_stem(folder, 3, 3, 5);  // fits nothing
  CHECK(collect(folder.file("scan_master.h5")).frames.size() == 12);
}

TEST_CASE("DECTRIS master: missing files and frames are said") {
  const TemporaryFolder folder;
  write_data_file(folder.file("scan_data_000001.h5"), 0, 4, Encoding::bslz4, 2);
  write_master(folder, 1);
  const auto scan = collect(folder.file("scan_master.h5"));
  CHECK(scan.frames.size() == 3);
  REQUIRE(scan.bad.size() == 1);
  CHECK(scan.bad[0].scan_index == 2);
  write_master(folder, 2);
  CHECK(open_error(folder.file("scan_master.h5")).find("keep the data files beside it") != std::string::npos);
}

TEST_CASE("DECTRIS master: data files that come later are waited for") {
  const TemporaryFolder folder;
  write_master(folder, 2);  // the link to the third file comes later
  announce(folder, 4, 3);
  SourceOptions options;
  options.follow = true;
  options.follow_quiet = std::chrono::milliseconds(400);
  CHECK(open_error(folder.file("scan_master.h5"), options).find("wait until the first one is there") !=
        std::string::npos);
  write_data_file(folder.file("scan_data_000001.h5"), 0, 5, Encoding::bslz4);
  CHECK(open_error(folder.file("scan_master.h5")).find("--follow") != std::string::npos);

  const auto come = [&](const char* name, std::uint64_t first, std::uint64_t frames) {
    write_data_file(folder.file("part.h5"), first, frames, Encoding::bslz4);
    std::filesystem::rename(folder.file("part.h5"), folder.file(name));
  };
  SECTION("all of them") {
    auto writer = std::async(std::launch::async, [&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
      come("scan_data_000002.h5", 5, 5);
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
      come("scan_data_000003.h5", 10, 2);
      std::filesystem::remove(folder.file("scan_master.h5"));
      write_master(folder, 3);
    });
    const auto scan = collect(folder.file("scan_master.h5"), options);
    writer.get();
    CHECK(scan.start.scan == ScanShape{1, 12});
    CHECK(scan.ended);
    CHECK(scan.bad.empty());
    REQUIRE(scan.frames.size() == 12);
    for (std::uint64_t i = 0; i < 12; ++i) CHECK(scan.frames.at(i) == frame_bytes(i));
  }
  SECTION("one that never comes ends the scan early") {
    std::string said;
    options.log = [&](LogLevel, std::string_view text) { said += std::string(text) + '\n'; };
    write_data_file(folder.file("scan_data_000002.h5"), 5, 3, Encoding::bslz4);
    const auto scan = collect(folder.file("scan_master.h5"), options);
    CHECK(scan.frames.size() == 8);
    CHECK(said.find("8 of 12 frames came") != std::string::npos);
  }
  SECTION("one with other frames is not mixed in") {
    std::string said;
    options.log = [&](LogLevel, std::string_view text) { said += std::string(text) + '\n'; };
    auto source = open_source(folder.file("scan_master.h5"), options);
    REQUIRE(source);
    write_data_file(folder.file("scan_data_000002.h5"), 5, 3, Encoding::hdf5_lz4);
    CHECK(collect(**source).frames.size() == 5);
    CHECK(said.find("data_000002 has other frames than the first data file") != std::string::npos);
  }
}
