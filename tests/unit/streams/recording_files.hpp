// Small recordings written for the tests, and a scan collected from any source.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "streams/frame_source.hpp"
#include "tests/catch.hpp"

namespace bragglive::test {

class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() /
              fmt::format("bragglive-streams-{}-{}", ::getpid(), counter()++)) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  static int& counter() {
    static int value = 0;
    return value;
  }
  std::filesystem::path path_;
};

inline void write_file(const std::string& name, const std::string& bytes) {
  std::ofstream(name, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// A .npy of version 1 with this dictionary.
inline std::string npy(const std::string& descr, const std::string& shape, const std::string& data,
                       const std::string& order = "False") {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  header.resize((header.size() + 10 + 64) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  return file + header + data;
}

struct CollectedScan {
  ScanStart start;
  std::map<std::uint64_t, std::vector<std::byte>> frames;  // decoded, by scan index
  std::vector<std::uint64_t> order;
  std::vector<BadMessage> bad;
  bool ended = false;
};

inline CollectedScan collect(FrameSource& source) {
  CollectedScan scan;
  for (;;) {
    SourceEvent event = source.next(std::chrono::milliseconds(5000));
    if (std::holds_alternative<EndOfSource>(event) || std::holds_alternative<Idle>(event)) return scan;
    if (auto* start = std::get_if<ScanStart>(&event)) scan.start = *start;
    if (std::holds_alternative<ScanEnd>(event)) {
      scan.ended = true;
      if (source.live()) return scan;  // an endpoint has no end of its own
    }
    if (auto* bad = std::get_if<BadMessage>(&event)) scan.bad.push_back(std::move(*bad));
    if (auto* frame = std::get_if<FrameMessage>(&event); frame && frame->scan_index != k_no_position) {
      std::vector<std::byte> pixels(scan.start.frame.pixels() * bytes_per_pixel(scan.start.pixel));
      const auto decoded = decode_payload(scan.start.encoding, scan.start.frame, scan.start.pixel,
                                          frame->payload.bytes(), pixels);
      REQUIRE(decoded);
      scan.order.push_back(frame->scan_index);
      scan.frames[frame->scan_index] = std::move(pixels);
    }
  }
}

inline CollectedScan collect(const std::string& uri, const SourceOptions& options = {}) {
  auto source = open_source(uri, options);
  if (!source) FAIL(source.error().message);
  return collect(**source);
}

inline std::string open_error(const std::string& uri, const SourceOptions& options = {}) {
  const auto source = open_source(uri, options);
  return source ? std::string("opened") : source.error().message;
}

// All frames behind each other, in scan order.
inline std::string joined(const CollectedScan& scan) {
  std::string all;
  for (const auto& [index, pixels] : scan.frames)
    all.append(reinterpret_cast<const char*>(pixels.data()), pixels.size());
  return all;
}

}  // namespace bragglive::test
