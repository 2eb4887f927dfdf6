// Recordings whose headers are read by our own code: .npy, .blo, .mib. The bytes lie in a file in memory.
#include "streams/recordings/recording.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view begins(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 6));
  // HDF5 and TIFF are parsed by their libraries.
  if (!begins.starts_with("\x93NUMPY") && !begins.starts_with("IMGBLO") && !begins.starts_with("MQ1,"))
    return 0;
  const int fd = ::memfd_create("recording", MFD_CLOEXEC);
  if (fd < 0) return 0;
  if (::write(fd, data, size) == static_cast<ssize_t>(size)) {
    auto recording = open_recording("/proc/self/fd/" + std::to_string(fd), {});
    if (recording)
      for (std::uint64_t frame :
           {std::uint64_t{0}, (*recording)->info().frames - 1, (*recording)->info().frames})
        if (auto payload = (*recording)->read_again(frame)) {
          for (std::byte b : payload->bytes()) {
            const volatile std::byte read = b;  // touches every page
            static_cast<void>(read);
          }
        }
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
          bytes(blo),
          bytes(mib("U16", "0008,0008", 128, "12")),
          bytes(mib("R64", "0064,0008", 64, "1")),
          bytes(mib("R64", "0064,0008", 1024, "12")),
          bytes(mib("R64", "0128,0008", 2048, "24")),
          bytes(mib("U08", "0008,0008", 100, "6"))};
}
