#include <tiffio.h>

#include <chrono>
#include <cstring>
#include <numeric>

#include "core/hdf5/handle.hpp"
#include "streams/recordings/pixel_format.hpp"
#include "streams/recordings/scan_blocks.hpp"
#include "tests/unit/streams/recording_files.hpp"

using namespace bragglive;
using namespace bragglive::test;

namespace {

std::vector<std::uint16_t> counting(std::size_t pixels) {
  std::vector<std::uint16_t> values(pixels);
  std::iota(values.begin(), values.end(), std::uint16_t{0});
  return values;
}

struct Hdf5Made {
  std::vector<hsize_t> dims, chunk;
  hid_t type = H5T_STD_U16LE;
  int deflate = 0;
};

void make_dataset(hid_t file, const std::string& path, const Hdf5Made& made,
                  const std::vector<std::uint16_t>& values) {
  const hdf5::Handle create(H5Pcreate(H5P_DATASET_CREATE));
  if (!made.chunk.empty()) H5Pset_chunk(create.get(), static_cast<int>(made.chunk.size()), made.chunk.data());
  if (made.deflate != 0) H5Pset_deflate(create.get(), 1);
  const hdf5::Handle links(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links.get(), 1);
  const hdf5::Handle space(H5Screate_simple(static_cast<int>(made.dims.size()), made.dims.data(), nullptr));
  const hdf5::Handle dataset(
      H5Dcreate2(file, path.c_str(), made.type, space.get(), links.get(), create.get(), H5P_DEFAULT));
  REQUIRE(dataset);
  REQUIRE(H5Dwrite(dataset.get(), H5T_NATIVE_UINT16, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
}

}  // namespace

TEST_CASE(".npy: the shapes and types that a recording may have") {
  const TemporaryFolder folder;
  const auto values = counting(2 * 3 * 8 * 8);
  for (const auto& [shape, scan] : {std::pair<std::string, ScanShape>{"(2, 3, 8, 8)", {2, 3}},
                                    {"(6, 8, 8)", {1, 6}},
                                    {"(48, 8)", {1, 1}}}) {
    CAPTURE(shape);
    write_file(folder.file("a.npy"), npy("<u2", shape, bytes_of(values)));
    const auto collected = collect(folder.file("a.npy"));
    CHECK(collected.start.scan == scan);
    CHECK(collected.start.pixel == PixelType::u16);
    CHECK(collected.ended);
    CHECK(joined(collected) == bytes_of(values));
  }
  write_file(folder.file("big.npy"), npy(">u2", "(6, 8, 8)", [&] {
               auto turned = values;
               for (auto& v : turned) v = static_cast<std::uint16_t>((v >> 8) | (v << 8));
               return bytes_of(turned);
             }()));
  CHECK(joined(collect(folder.file("big.npy"))) == bytes_of(values));
  const std::vector<double> doubles = {-1.5, 0, 3.25, 1e9};
  write_file(folder.file("f8.npy"), npy("<f8", "(1, 2, 2)", bytes_of(doubles)));
  const auto as_float = collect(folder.file("f8.npy"));
  CHECK(as_float.start.pixel == PixelType::f32);
  CHECK(joined(as_float) == bytes_of(std::vector<float>(doubles.begin(), doubles.end())));
}

TEST_CASE(".npy: damaged and unusable files are refused in words") {
  const TemporaryFolder folder;
  const std::string good = npy("<u2", "(2, 8, 8)", bytes_of(counting(128)));
  const auto refusal = [&](const std::string& bytes) {
    write_file(folder.file("bad.npy"), bytes);
    return open_error(folder.file("bad.npy"));
  };
  CHECK(refusal(good.substr(0, good.size() - 1)).find("1 whole frames") != std::string::npos);
  for (std::size_t cut = 0; cut < 140 && cut < good.size(); ++cut)
    CHECK(refusal(good.substr(0, cut)) != "opened");
  CHECK(refusal(npy("<u2", "(2, 8, 8)", bytes_of(counting(128)), "True")).find("Fortran") !=
        std::string::npos);
  CHECK(refusal(npy("<c8", "(2, 8, 8)", std::string(1024, 'x'))).find("'<c8'") != std::string::npos);
  CHECK(refusal(npy("<u2", "(128,)", bytes_of(counting(128)))).find("1 dimensions") != std::string::npos);
  CHECK(refusal(npy("<u2", "(0, 8, 8)", "")).find("no frames") != std::string::npos);
  CHECK(refusal(npy("<u2", "(99999999999, 99999999999, 8, 8)", "xx")) != "opened");
  CHECK(refusal(npy("<u2", "(18446744073709551615, 8, 8)", "xx")) != "opened");
  CHECK(refusal(npy("<u2", "(184467440737095516159, 8, 8)", "xx")) != "opened");
  CHECK(refusal(npy("<u2", "(1, 100000, 8)", "xx")).find("pixels are not between") != std::string::npos);
  CHECK(refusal("just text, eight and more").find("no recording that is known") != std::string::npos);
  CHECK(refusal("").find("empty") != std::string::npos);
  CHECK(open_error(folder.file("none.npy")).find("does not exist") != std::string::npos);
  CHECK(open_error(folder.file("")).find("folder") != std::string::npos);
}

TEST_CASE("--scan gives a list of frames its shape, a rate paces it") {
  const TemporaryFolder folder;
  write_file(folder.file("a.npy"), npy("<u2", "(6, 8, 8)", bytes_of(counting(384))));
  SourceOptions options;
  options.scan = ScanShape{3, 2};
  options.rate_hz = 100;
  const auto before = std::chrono::steady_clock::now();
  const auto collected = collect(folder.file("a.npy"), options);
  const auto took = std::chrono::steady_clock::now() - before;
  CHECK(collected.start.scan == ScanShape{3, 2});
  CHECK(took >= std::chrono::milliseconds(50));
  CHECK(took < std::chrono::seconds(2));
  options.scan = ScanShape{0, 2};
  CHECK(open_error(folder.file("a.npy"), options).find("no positions") != std::string::npos);
}

TEST_CASE("HDF5: contiguous, chunked, compressed, big-endian and 3-D datasets give the same frames") {
  const TemporaryFolder folder;
  const auto values = counting(5 * 7 * 8 * 10);
  const Hdf5Made variants[] = {{{5, 7, 8, 10}, {}},
                               {{5, 7, 8, 10}, {1, 1, 8, 10}},
                               {{5, 7, 8, 10}, {2, 3, 4, 4}, H5T_STD_U16LE, 1},
                               {{5, 7, 8, 10}, {5, 7, 3, 3}, H5T_STD_U16BE, 1},
                               {{5, 7, 8, 10}, {}, H5T_STD_U16BE},
                               {{35, 8, 10}, {4, 8, 10}, H5T_STD_U16LE, 1},
                               {{35, 8, 10}, {}}};
  int number = 0;
  for (const Hdf5Made& made : variants) {
    CAPTURE(number);
    const std::string name = folder.file(fmt::format("{}.h5", number++));
    {
      const hdf5::Handle file(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
      make_dataset(file.get(), "/some/group/data", made, values);
    }
    const auto collected = collect(name);
    CHECK(collected.start.scan == (made.dims.size() == 4 ? ScanShape{5, 7} : ScanShape{1, 35}));
    CHECK(collected.frames.size() == 35);
    CHECK(joined(collected) == bytes_of(values));
    const auto source = open_source(name, {});
    for (std::uint64_t index : {34U, 0U, 17U})
      CHECK((*source)->frame_again(index) == collected.frames.at(index));
  }
}

TEST_CASE("HDF5: the data cube of a py4DSTEM file is preferred, nothing is guessed") {
  const TemporaryFolder folder;
  const std::string name = folder.file("cube.h5");
  const auto values = counting(2 * 2 * 8 * 8);
  {
    const hdf5::Handle file(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    make_dataset(file.get(), "/datacube_root/other/data", {{2, 2, 8, 8}, {}},
                 std::vector<std::uint16_t>(256, 1));
    make_dataset(file.get(), "/datacube_root/datacube/data", {{2, 2, 8, 8}, {}}, values);
    const hdf5::Handle group(H5Gopen2(file.get(), "/datacube_root/datacube", H5P_DEFAULT));
    const hdf5::Handle text(H5Tcopy(H5T_C_S1));
    H5Tset_size(text.get(), H5T_VARIABLE);
    const hdf5::Handle scalar(H5Screate(H5S_SCALAR));
    const hdf5::Handle attribute(
        H5Acreate2(group.get(), "python_class", text.get(), scalar.get(), H5P_DEFAULT, H5P_DEFAULT));
    const char* value = "DataCube";
    H5Awrite(attribute.get(), text.get(), &value);
  }
  CHECK(joined(collect(name)) == bytes_of(values));
  CHECK(joined(collect(name + ":/datacube_root/other/data")) != bytes_of(values));
}

TEST_CASE("HDF5: damage becomes an error, in the file or in the frame") {
  const TemporaryFolder folder;
  const std::string name = folder.file("a.h5");
  const auto values = counting(4 * 4 * 16 * 16);
  {
    const hdf5::Handle file(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    make_dataset(file.get(), "/data", {{4, 4, 16, 16}, {1, 1, 16, 16}, H5T_STD_U16LE, 1}, values);
  }
  std::ifstream in(name, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  write_file(folder.file("cut.h5"), bytes.substr(0, bytes.size() / 2));
  CHECK(open_error(folder.file("cut.h5")).find("damaged") != std::string::npos);
  std::string broken = bytes;  // one compressed chunk (a zlib stream) overwritten
  const std::size_t at = broken.find("\x78\x01", broken.size() / 2);
  REQUIRE(at != std::string::npos);
  for (std::size_t i = 0; i < 24; ++i) broken[at + i] = '\x5a';
  write_file(folder.file("broken.h5"), broken);
  const auto collected = collect(folder.file("broken.h5"));
  CHECK_FALSE(collected.bad.empty());
  CHECK(collected.bad.size() + collected.frames.size() == 16);
  CHECK(collected.bad.front().scan_index);
  {
    const hdf5::Handle file(
        H5Fcreate(folder.file("none.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    make_dataset(file.get(), "/table", {{16, 2, 4}, {}}, values);
  }
  CHECK(open_error(folder.file("none.h5")).find("no 3-D or 4-D") != std::string::npos);
}

TEST_CASE("scan blocks visit every position once and stay together") {
  for (ScanShape scan : {ScanShape{1, 1}, ScanShape{5, 7}, ScanShape{16, 16}, ScanShape{3, 100}})
    for (ScanShape block : {ScanShape{1, 1}, ScanShape{2, 3}, ScanShape{4, 16}, ScanShape{50, 50}}) {
      const ScanBlocks blocks(scan, block);
      std::vector<int> seen(scan.positions());
      ScanBlock current;
      int changes = 0;
      for (std::uint64_t step = 0; step < scan.positions(); ++step) {
        const ScanPosition at = blocks.position_at(step);
        REQUIRE(at.row < scan.rows);
        REQUIRE(at.col < scan.cols);
        ++seen[index_of(scan, at)];
        if (!current.contains(at)) ++changes;
        current = blocks.block_of(at);
        REQUIRE(current.contains(at));
      }
      CHECK(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
      const auto up = [](std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; };
      CHECK(static_cast<std::uint32_t>(changes) ==
            up(scan.rows, std::min(block.rows, scan.rows)) * up(scan.cols, std::min(block.cols, scan.cols)));
    }
}

TEST_CASE("TIFF: several pages, strips and tiles, signed and short files") {
  const TemporaryFolder folder;
  const std::string name = folder.file("a.tif");
  const auto values = counting(3 * 40 * 48);
  for (bool tiled : {false, true}) {
    TIFF* tiff = TIFFOpen(name.c_str(), "w");
    for (std::size_t page = 0; page < 3; ++page) {
      TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, 48);
      TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, 40);
      TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 16);
      TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
      TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
      const std::uint16_t* pixels = values.data() + page * 40 * 48;
      if (tiled) {
        TIFFSetField(tiff, TIFFTAG_TILEWIDTH, 32);
        TIFFSetField(tiff, TIFFTAG_TILELENGTH, 16);
        for (std::uint32_t top = 0; top < 40; top += 16)
          for (std::uint32_t left = 0; left < 48; left += 32) {
            std::vector<std::uint16_t> tile(32 * 16);
            for (std::uint32_t r = 0; r < std::min(16U, 40 - top); ++r)
              std::memcpy(&tile[r * 32], pixels + (top + r) * 48 + left, 2 * std::min(32U, 48 - left));
            TIFFWriteTile(tiff, tile.data(), left, top, 0, 0);
          }
      } else {
        TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 7);
        for (std::uint32_t r = 0; r < 40; ++r)
          TIFFWriteScanline(tiff, const_cast<std::uint16_t*>(pixels + r * 48), r, 0);
      }
      TIFFWriteDirectory(tiff);
    }
    TIFFClose(tiff);
    const auto collected = collect(name);
    CHECK(collected.start.scan == ScanShape{1, 3});
    CHECK(joined(collected) == bytes_of(values));
  }
  std::ifstream in(name, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  write_file(folder.file("cut.tif"), bytes.substr(0, 100));
  CHECK(open_error(folder.file("cut.tif")).find("TIFF") != std::string::npos);
}

TEST_CASE("pixel formats: what they become") {
  const auto convert = [](const char* descr, auto in, auto out_type) {
    const auto format = pixel_format_from_numpy(descr);
    REQUIRE(format);
    std::vector<decltype(out_type)> out(in.size());
    convert_pixels(*format, std::as_bytes(std::span(in)), std::as_writable_bytes(std::span(out)));
    return out;
  };
  CHECK(convert("<i2", std::vector<std::int16_t>{-3, 5}, float{}) == std::vector<float>{-3, 5});
  CHECK(convert("|i1", std::vector<std::int8_t>{-128, 127}, float{}) == std::vector<float>{-128, 127});
  CHECK(convert("<u8", std::vector<std::uint64_t>{7, 1ULL << 40}, std::uint32_t{}) ==
        std::vector<std::uint32_t>{7, ~0U});
  CHECK(convert("<f2", std::vector<std::uint16_t>{0x3c00, 0xc000, 0x0001, 0x7bff}, float{}) ==
        std::vector<float>{1, -2, 5.9604645e-8F, 65504});
  CHECK_FALSE(pixel_format_from_numpy("<c8"));
  CHECK_FALSE(pixel_format_from_numpy("|S5"));
  CHECK_FALSE(pixel_format_from_numpy("<u3"));
  CHECK_FALSE(pixel_format_from_numpy("<f1"));
}
