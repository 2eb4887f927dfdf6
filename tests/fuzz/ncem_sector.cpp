// 4D Camera: a sector's header; the pixels are always whole.
#include "streams/ncem/sector_assembler.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;
using namespace bragglive::ncem;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Bytes pixels(k_sector_bytes);
  SectorAssembler assembler({});
  assembler.on(bytes_of(data, size), pixels, {});
  assembler.on_silence(SectorAssembler::Clock::time_point{} + std::chrono::seconds(10));
  while (!assembler.empty()) static_cast<void>(assembler.pop());
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  SectorHeader header;
  header.rows = 4;
  header.cols = 5;
  header.row = 1;
  Bytes nine = pack(header);
  nine[0] = std::byte{0x99};
  nine.insert(nine.begin() + 3, std::byte{9});
  return {pack(header), nine, {std::byte{0x81}, std::byte{7}, std::byte{40}}};
}
