// CrystFEL's and OM's images: one msgpack map (or an array of maps, of which the first counts) per message.
//
// libcrystfel/src/image-msgpack.c and om: "detector_data" is a map of "type" ("<i4", "<f4", …), "shape"
// [slow, fast] and "data" (bin); msgpack-numpy's own form has the same keys. "beam_energy" (eV),
// "detector_distance" (mm), "event_id", "timestamp" and their like become metadata. Pickle is never read.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"

namespace bragglive::crystfel {

struct ImageMessage {
  FrameShape frame;
  PixelType pixel = PixelType::u16;  // wider and signed types are converted, see pixel_format.hpp
  std::vector<std::byte> pixels;     // native-endian
  // Not CrystFEL's own, but sent by our simulator and easily added by others: without them frames are
  // numbered as they come.
  std::optional<std::uint64_t> series_id, frame_number;
  std::map<std::string, std::string> metadata;
};

constexpr std::size_t k_keep_alive_bytes = 15;  // shorter messages say nothing

Expected<ImageMessage> parse_image(std::span<const std::byte> bytes);
// The same, written; `type` as numpy has it.
std::vector<std::byte> pack_image(const ImageMessage& image);

}  // namespace bragglive::crystfel
