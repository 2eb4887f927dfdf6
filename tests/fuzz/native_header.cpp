// Headers of the native protocol.
#include "streams/native/wire.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  native::HeaderParser parser;
  const auto header = parser.parse(bytes_of(data, size));
  if (!header) return 0;
  if (const auto* start = std::get_if<native::StartHeader>(&*header))
    if (start->start.scan.positions() > k_max_scan_positions || start->start.frame.rows > k_max_detector_side)
      __builtin_trap();
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  ScanStart start;
  start.scan = {3, 4};
  start.frame = {5, 6};
  start.metadata = {{"calibration", "[probe]"}, {"who", "fuzz"}};
  return {native::pack(native::StartHeader{start, false}), native::pack(native::StartHeader{start, true}),
          native::pack(native::FrameHeader{1, 2, 3, 4}), native::pack(ScanEnd{1, 12})};
}
