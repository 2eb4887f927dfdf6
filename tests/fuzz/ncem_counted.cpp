// 4D Camera: a batch of counted frames.
#include "streams/ncem/counted_batch.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;
using namespace bragglive::ncem;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto batch = parse_counted(bytes_of(data, size));
  if (!batch) return 0;
  for (const CountedFrame& frame : batch->frames)
    for (const std::byte b : frame.electrons) {
      const volatile std::byte read = b;  // touches all of them
      static_cast<void>(read);
    }
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  static constexpr std::uint32_t k_electrons[] = {0, 5, 5};
  CountedFrame frame;
  frame.scan = {2, 3};
  frame.frame = {2, 3};
  CountedFrame empty = frame;
  frame.electrons = std::as_bytes(std::span(k_electrons));
  return {pack_counted({6, {frame, empty, frame}}, 0), pack_counted({0, {}}, 1)};
}
