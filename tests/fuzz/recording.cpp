// Recordings whose headers are read by our own code: .npy, .blo, .mib, and EMPAD's .xml and the name of its
// .raw. The bytes lie in a file in memory.
#include "streams/recordings/recording.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;

namespace {

// Reads what can be read of three frames.
void read_some(Recording& recording) {
  for (std::uint64_t frame : {std::uint64_t{0}, recording.info().frames - 1, recording.info().frames})
    if (auto payload = recording.read_again(frame)) {
      for (std::byte b : payload->bytes()) {
        const volatile std::byte read = b;  // touches every page
        static_cast<void>(read);
      }
    }
}

// `text` as the XML of an acquisition, or as the name of a raw file that stands alone.
void empad(std::string_view text, bool xml) {
  namespace fs = std::filesystem;
  static const fs::path folder = [] {
    const fs::path made = fs::temp_directory_path() / ("bragglive-fuzz-" + std::to_string(::getpid()));
    fs::create_directories(made);
    std::ofstream(made / "a.raw", std::ios::binary) << std::string(2 * 130 * 128 * 4, '\1');
    return made;
  }();
  std::string name(xml ? "a" : text.substr(0, 100));
  for (char& c : name)
    if (c == '/' || c == '\0') c = '_';
  const fs::path file = folder / (name + (xml ? ".xml" : "_.raw"));
  std::ofstream(file, std::ios::binary) << (xml ? std::string(text) : std::string(130 * 128 * 4, '\2'));
  for (const bool follow : {false, true}) {
    RecordingOptions options;
    options.follow = follow;
    if (auto recording = open_recording(file.string(), options)) read_some(**recording);
  }
  std::error_code ignored;
  fs::remove(file, ignored);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view whole(reinterpret_cast<const char*>(data), size);
  if (whole.starts_with("<") || whole.starts_with("scan_")) {
    empad(whole, whole.starts_with("<"));
    return 0;
  }
  const std::string_view begins(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 6));
  // HDF5 and TIFF are parsed by their libraries.
  if (!begins.starts_with("\x93NUMPY") && !begins.starts_with("IMGBLO") && !begins.starts_with("MQ1,"))
    return 0;
  const int fd = ::memfd_create("recording", MFD_CLOEXEC);
  if (fd < 0) return 0;
  if (::write(fd, data, size) == static_cast<ssize_t>(size)) {
    auto recording = open_recording("/proc/self/fd/" + std::to_string(fd), {});
    if (recording) read_some(**recording);
  }
  ::close(fd);
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  const auto bytes = [](const std::string& text) {
    Bytes out;
    for (char c : text) out.push_back(static_cast<std::byte>(c));
    return out;
  };
  std::string npy = "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3, 4, 4), }\n";
  npy = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(npy.size()) + '\0' + npy +
        std::string(192, 'x');
  std::string blo(4096, '\0');
  blo.replace(0, 8, std::string("IMGBLO\x02\x01", 8));
  blo[12] = 0, blo[13] = 16;
  blo[20] = 4, blo[24] = 2, blo[26] = 3;
  blo += std::string(6 * 22, 'b');
  const auto mib = [](const char* type, const char* size, std::size_t payload, const char* depth) {
    std::string header = std::string("MQ1,000001,00384,01,") + size + "," + type +
                         ",   1x1,01,2021-05-07 18:51:10.9,0.1,0,0,0,MQ1A,2021-05-07T16:51:10Z,100000000ns," +
                         depth + ",";
    header.resize(384, '\0');
    return header + std::string(payload, 'm');
  };
  return {bytes(npy),
          bytes("<root><raw_file filename=\"C:\\x\\a.raw\"/><pix_x>2</pix_x><pix_y>1</pix_y></root>"),
          bytes("<r><raw_file filename='a.raw'/><scan_parameters mode=\"acquire\"><scan_resolution_x>2"
                "</scan_resolution_x><scan_resolution_y>1</scan_resolution_y></scan_parameters>EMPAD2</r>"),
          bytes("scan_x3_y2"),
          bytes(blo),
          bytes(mib("U16", "0008,0008", 128, "12")),
          bytes(mib("R64", "0064,0008", 64, "1")),
          bytes(mib("R64", "0064,0008", 1024, "12")),
          bytes(mib("R64", "0128,0008", 2048, "24")),
          bytes(mib("U08", "0008,0008", 100, "6"))};
}
