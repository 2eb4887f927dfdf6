// Merlin's text headers.
#include "streams/merlin/frame_header.hpp"
#include "streams/merlin/pixels.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = bytes_of(data, size);
  static_cast<void>(merlin::parse_acquisition_header({reinterpret_cast<const char*>(data), size}).scan());
  const auto header = merlin::parse_frame_header(bytes);
  if (!header || size < header->offset || size - header->offset < header->payload_bytes()) return 0;
  Bytes pixels(header->frame_shape().pixels() * bytes_per_pixel(header->pixel_type()));
  merlin::to_pixels(*header, bytes.subspan(header->offset, header->payload_bytes()), pixels);
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  std::vector<Bytes> seeds;
  const auto add = [&](std::string text, std::size_t payload) {
    if (text.starts_with("MQ1")) text.resize(128, '\0');
    text += std::string(payload, 'p');
    Bytes seed;
    for (char c : text) seed.push_back(static_cast<std::byte>(c));
    seeds.push_back(std::move(seed));
  };
  add("MQ1,000001,00128,01,0064,0008,R64,   1x1,01,t,s,0,0,0,MQ1A,T,1ns,12,", 1024);
  add("MQ1,000001,00128,01,0064,0008,R64,   1x1,01,t,s,0,0,0,MQ1A,T,1ns,1,", 64);
  add("MQ1,000001,00128,01,0128,0008,R64,   1x1,01,t,s,0,0,0,MQ1A,T,1ns,24,", 2048);
  add("MQ1,000001,00128,04,0256,0064,R64,   2x2,0f,t,s,0,0,0,MQ1A,T,1ns,6,", 16384);
  add("MQ1,000001,00128,01,0008,0008,U32,   1x1,01,t,s,0,0,0,MQ1A,T,1ns,24,", 256);
  add("HDR,\t\nFrames in Acquisition (Number):\t16\nFrames per Trigger "
      "(Number):\t4\nScanX:\t4\nScanY:\t4\nEnd\n",
      0);
  return seeds;
}
