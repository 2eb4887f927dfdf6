// HDF5 recordings in which our own code interprets what a file says: counted electrons, frames packed as
// chunks, virtual datasets. The file itself is sound (the library parses it); numbers, lists and chunks come
// from the input.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <string>

#include "core/hdf5/handle.hpp"
#include "streams/frame_source.hpp"
#include "streams/recordings/recording.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;
using hdf5::Handle;

namespace {

// Numbers out of the input, zeros behind its end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::uint8_t byte() { return size_ > 0 ? (--size_, *data_++) : std::uint8_t{0}; }
  std::uint32_t word() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | byte();
    return value;
  }
  // Mostly small, sometimes anything.
  std::uint32_t count() {
    const std::uint8_t small = byte();
    return small < 250 ? small % 8u : word();
  }
  bool empty() const { return size_ == 0; }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

void put_number(hid_t object, const char* name, std::uint32_t value) {
  const Handle space(H5Screate(H5S_SCALAR));
  const Handle attribute(H5Acreate2(object, name, H5T_STD_U32LE, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  H5Awrite(attribute.get(), H5T_NATIVE_UINT32, &value);
}

void write_counted(hid_t file, Input& input) {
  const Handle group(H5Gcreate2(file, "electron_events", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const Handle type(H5Tvlen_create(H5T_NATIVE_UINT32));
  const hsize_t lists = input.byte() % 6, places = input.byte() % 8 == 0 ? input.byte() % 6u : lists;
  const Handle list_space(H5Screate_simple(1, &lists, nullptr)),
      place_space(H5Screate_simple(1, &places, nullptr));
  const Handle frames(
      H5Dcreate2(group.get(), "frames", type.get(), list_space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const Handle positions(H5Dcreate2(group.get(), "scan_positions", H5T_STD_U32LE, place_space.get(),
                                    H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  for (const char* name : {"Nx", "Ny"}) {
    put_number(frames.get(), name, input.count());
    put_number(positions.get(), name, input.count());
  }
  std::array<std::array<std::uint32_t, 8>, 6> electrons{};
  std::array<hvl_t, 6> values{};
  std::array<std::uint32_t, 6> where{};
  for (std::size_t i = 0; i < 6; ++i) {
    where[i] = input.count();
    values[i] = {input.byte() % 8u, electrons[i].data()};
    for (std::size_t k = 0; k < values[i].len; ++k) electrons[i][k] = input.count();
  }
  if (lists > 0) H5Dwrite(frames.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  if (places > 0) H5Dwrite(positions.get(), H5T_NATIVE_UINT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, where.data());
}

// (n, rows, cols) with chunks of one frame, packed as the input says.
void write_chunks(hid_t file, const char* path, Input& input) {
  const std::array<hsize_t, 3> shape = {1 + input.byte() % 3u, 1 + input.byte() % 9u, 1 + input.byte() % 9u};
  const std::array<hsize_t, 3> chunk = {1, shape[1], shape[2]};
  const Handle create(H5Pcreate(H5P_DATASET_CREATE)), space(H5Screate_simple(3, shape.data(), nullptr));
  H5Pset_chunk(create.get(), 3, chunk.data());
  const std::array<unsigned, 5> settings = {0, 3, input.byte() % 4 == 0 ? input.word() : 2u, 0, 2};
  const bool lz4 = input.byte() % 3 == 0;
  H5Pset_filter(create.get(), lz4 ? 32004 : 32008, H5Z_FLAG_OPTIONAL, lz4 ? 0 : 5, settings.data());
  const Handle dataset(
      H5Dcreate2(file, path, H5T_STD_U16LE, space.get(), H5P_DEFAULT, create.get(), H5P_DEFAULT));
  for (hsize_t frame = 0; frame < shape[0]; ++frame) {
    const std::array<hsize_t, 3> offset = {frame, 0, 0};
    Bytes bytes(input.byte());
    for (std::byte& b : bytes) b = static_cast<std::byte>(input.byte());
    if (!bytes.empty())
      H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, input.byte() % 8 == 0 ? 1 : 0, offset.data(), bytes.size(),
                     bytes.data());
  }
}

void write_virtual(hid_t file, Input& input) {
  const bool channels = input.byte() % 2 == 0;
  const int rank = channels ? 4 : 3;
  std::array<hsize_t, 4> shape = {1 + input.byte() % 6u, 2, 4, 4};
  if (!channels) shape = {shape[0], 4, 4, 0};
  const Handle create(H5Pcreate(H5P_DATASET_CREATE)), space(H5Screate_simple(rank, shape.data(), nullptr));
  H5Pset_layout(create.get(), H5D_VIRTUAL);
  const unsigned sources = input.byte() % 4;
  for (unsigned i = 0; i < sources; ++i) {
    const std::array<hsize_t, 3> source = {1 + input.byte() % 6u, 4, 4};
    const Handle in_source(H5Screate_simple(3, source.data(), nullptr)), in_scan(H5Scopy(space.get()));
    std::array<hsize_t, 4> first = {input.byte() % 6u, input.byte() % 2u, 0, 0};
    std::array<hsize_t, 4> count = {1 + input.byte() % 6u, 1, 4, 4};
    if (!channels) first = {first[0], 0, 0, 0}, count = {count[0], 4, 4, 0};
    const std::array<hsize_t, 3> from = {input.byte() % 6u, 0, 0}, size = {count[0], 4, 4};
    H5Sselect_hyperslab(in_scan.get(), H5S_SELECT_SET, first.data(), nullptr, count.data(), nullptr);
    H5Sselect_hyperslab(in_source.get(), H5S_SELECT_SET, from.data(), nullptr, size.data(), nullptr);
    H5Pset_virtual(create.get(), in_scan.get(), ".", i % 2 == 0 ? "/a" : "/b", in_source.get());
  }
  const Handle dataset(
      H5Dcreate2(file, "/data", H5T_STD_U16LE, space.get(), H5P_DEFAULT, create.get(), H5P_DEFAULT));
  write_chunks(file, "/a", input);
  write_chunks(file, "/b", input);
}

void read_all(const std::string& path, const RecordingOptions& options) {
  auto recording = open_recording(path, options);
  if (!recording) return;
  const RecordingInfo& info = (*recording)->info();
  const std::size_t frame_bytes = info.frame.pixels() * bytes_per_pixel(info.pixel);
  static_cast<void>((*recording)->written(false));
  if (frame_bytes > (std::size_t{1} << 24)) return;
  std::vector<std::byte> pixels(frame_bytes);
  for (std::uint64_t frame = 0; frame < std::min<std::uint64_t>(info.frames, 20); ++frame)
    if (auto payload = (*recording)->read_again(frame))
      static_cast<void>(decode_payload(info.encoding, info.frame, info.pixel, payload->bytes(), pixels));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const hdf5::QuietErrors quiet;
  const int fd = ::memfd_create("recording", MFD_CLOEXEC);
  if (fd < 0) return 0;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  Input input(data, size);
  RecordingOptions options;
  {
    const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    const std::uint8_t kind = input.byte();
    options.follow = kind / 3 % 2 == 1;
    options.expected_frames = kind / 6 % 2 == 1 ? 5 : 0;
    if (kind % 3 == 0) write_counted(file.get(), input);
    if (kind % 3 == 1) write_chunks(file.get(), "/data", input);
    if (kind % 3 == 2) {
      options.dataset = "/data";
      options.channel = kind / 12 % 2 == 1 ? "threshold_2" : "";
      write_virtual(file.get(), input);
    }
  }
  read_all(path, options);
  ::close(fd);
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  std::vector<Bytes> seeds;
  const auto add = [&](std::initializer_list<int> numbers) {
    Bytes seed;
    for (const int number : numbers) seed.push_back(static_cast<std::byte>(number));
    seed.resize(200, std::byte{1});
    seeds.push_back(std::move(seed));
  };
  add({0, 2, 1, 4, 2, 4, 1, 0, 3, 1, 2, 3, 1, 2, 7, 6});
  add({1, 2, 3, 3, 1, 1, 30, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 32, 0, 0, 0, 0, 9});
  add({2, 0, 3, 2, 3, 0, 0, 1, 0, 3, 2, 0, 1, 0, 2, 3, 3, 1, 1});
  add({2, 1, 3, 1, 3, 0, 0, 3, 0, 3, 3, 3, 1, 1, 20});
  return seeds;
}
