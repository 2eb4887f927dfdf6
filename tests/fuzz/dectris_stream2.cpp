// Stream v2: one CBOR message, behind a start that is whole.
#include "streams/codec/codec.hpp"
#include "streams/dectris/cbor_writer.hpp"
#include "streams/dectris/series_assembler.hpp"
#include "streams/recordings/mapped_file.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;
using namespace bragglive::dectris;

namespace {

Bytes start_message() {
  CborWriter cbor;
  cbor.tag(55799)
      .map(7)
      .text("type")
      .text("start")
      .text("series_id")
      .number(3)
      .text("number_of_images")
      .number(4);
  cbor.text("channels")
      .array(2)
      .text("threshold_1")
      .text("threshold_2")
      .text("user_data")
      .map(1)
      .text("a")
      .array(2)
      .real(1.5)
      .boolean(true);
  cbor.text("arm_date")
      .tag(0)
      .text("2026")
      .text("pixel_mask")
      .map(1)
      .text("threshold_1")
      .tag(40)
      .array(2)
      .array(2)
      .number(2)
      .number(2);
  cbor.tag(70).bytes(Bytes(16, std::byte{1}));
  return cbor.take();
}

Bytes image_message(bool packed) {
  Bytes pixels(64, std::byte{3}), blob;
  static_cast<void>(encode_bslz4(pixels, 2, blob));
  CborWriter cbor;
  cbor.tag(55799).map(5).text("type").text("image").text("series_id").number(3).text("image_id").number(1);
  cbor.text("start_time").array(2).number(5).number(50'000'000);
  cbor.text("data")
      .map(1)
      .text("threshold_1")
      .tag(40)
      .array(2)
      .array(2)
      .number(4)
      .number(8)
      .tag(packed ? 69 : 65);
  if (packed)
    cbor.tag(56500).array(3).text("bslz4").number(2).bytes(blob);
  else
    cbor.bytes(pixels);
  return cbor.take();
}

void deliver(SeriesAssembler& assembler, std::span<const std::byte> bytes) {
  auto message = parse_stream2(bytes);
  if (!message) {
    assembler.on_broken(std::move(message.error()));
  } else {
    assembler.on(std::move(*message), [](std::span<const std::byte> b) { return own({b.begin(), b.end()}); });
  }
  while (!assembler.empty()) static_cast<void>(assembler.pop());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SeriesAssembler assembler({});
  deliver(assembler, start_message());
  deliver(assembler, bytes_of(data, size));
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  return {start_message(), image_message(true), image_message(false)};
}
