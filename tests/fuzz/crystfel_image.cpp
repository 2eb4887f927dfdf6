// CrystFEL and OM: an image in msgpack; what is understood has exactly its pixels.
#include <cstdlib>

#include "streams/crystfel/image_message.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace bragglive;
using namespace bragglive::crystfel;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto image = parse_image(bytes_of(data, size));
  if (image && image->pixels.size() != image->frame.pixels() * bytes_per_pixel(image->pixel)) std::abort();
  return 0;
}

std::vector<Bytes> fuzz_seeds() {
  std::vector<Bytes> seeds;
  for (const PixelType pixel : {PixelType::u8, PixelType::u16, PixelType::f32}) {
    ImageMessage image;
    image.frame = {3, 4};
    image.pixel = pixel;
    image.pixels.resize(image.frame.pixels() * bytes_per_pixel(pixel));
    image.series_id = 7;
    image.frame_number = 2;
    image.metadata = {{"beam_energy", "9500"}};
    seeds.push_back(pack_image(image));
    seeds.push_back(seeds.back());
    seeds.back().insert(seeds.back().begin(), std::byte{0x91});  // in an array
  }
  return seeds;
}
