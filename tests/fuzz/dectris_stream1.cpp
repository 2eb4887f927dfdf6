// Stream v1: the input is a list of parts, each with its u16 length in front; messages are four parts.
#include <string_view>

#include "streams/codec/byte_order.hpp"
#include "streams/dectris/series_assembler.hpp"
#include "streams/recordings/mapped_file.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;
using namespace bragglive::dectris;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = bytes_of(data, size);
  std::vector<std::span<const std::byte>> parts;
  SeriesAssembler assembler({});
  const auto deliver = [&] {
    auto message = parse_stream1(parts);
    if (!message) {
      assembler.on_broken(std::move(message.error()));
    } else {
      assembler.on(std::move(*message), [](std::span<const std::byte> b) {
        return own({b.begin(), b.end()});
      });
    }
    while (!assembler.empty()) static_cast<void>(assembler.pop());
    parts.clear();
  };
  while (rest.size() >= 2) {
    const std::size_t length =
        std::min<std::size_t>(load_little<std::uint16_t>(rest.data()), rest.size() - 2);
    parts.push_back(rest.subspan(2, length));
    rest = rest.subspan(2 + length);
    if (parts.size() == 4) deliver();
  }
  if (!parts.empty()) deliver();
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  const auto list = [](std::initializer_list<std::string_view> parts) {
    Bytes seed;
    for (std::string_view part : parts) {
      seed.push_back(static_cast<std::byte>(part.size() & 0xff));
      seed.push_back(static_cast<std::byte>(part.size() >> 8));
      for (char c : part) seed.push_back(static_cast<std::byte>(c));
    }
    return seed;
  };
  constexpr std::string_view k_header = R"({"htype":"dheader-1.0","series":1,"header_detail":"all"})";
  constexpr std::string_view k_config =
      R"({"nimages":2,"ntrigger":2,"trigger_mode":"exts","x":[1,{"a":null}],"b":true})";
  constexpr std::string_view k_mask = R"({"htype":"dpixelmask-1.0","shape":[2,1],"type":"uint32"})";
  constexpr std::string_view k_image = R"({"htype":"dimage-1.0","series":1,"frame":0,"hash":"x"})";
  constexpr std::string_view k_raw =
      R"({"htype":"dimage_d-1.0","shape":[4,2],"type":"uint8","encoding":"<","size":8})";
  constexpr std::string_view k_lz4 =
      R"({"htype":"dimage_d-1.0","shape":[4,2,1],"type":"uint16","encoding":"bs16-lz4<"})";
  constexpr std::string_view k_times = R"({"htype":"dconfig-1.0","start_time":1})";
  return {list({k_header, k_config, k_mask, "\1\0\0\0\0\0\0\0", k_image, k_raw, "12345678", k_times, k_image,
                k_lz4, "12345678901234567890", k_times}),
          list({k_header, k_config}), list({k_image, k_raw, "12345678", k_times}),
          list({R"({"htype":"dseries_end-1.0","series":1})"})};
}
