// What the messages of both DECTRIS stream versions say, in one form.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/frame/error.hpp"
#include "streams/dectris/image_data.hpp"

namespace bragglive::dectris {

struct SeriesStart {
  std::uint64_t series_id = 0;
  std::uint64_t expected_frames = 0;  // 0 = not said (header_detail "none")
  std::vector<std::string> channels;  // v2: the thresholds' names, in the detector's order
  std::map<std::string, std::string> metadata;
};

struct Image {
  std::uint64_t series_id = 0;
  std::uint64_t number = 0;  // from 0
  std::uint64_t start_time_ns = 0;
  // v1: one, without a name.
  struct Channel {
    std::string_view name;
    ImageData data;
  };
  std::vector<Channel> channels;
};

struct SeriesEnd {
  std::uint64_t series_id = 0;
};

struct Nothing {};  // a message that belongs to another one and says nothing by itself

using Message = std::variant<SeriesStart, Image, SeriesEnd, Nothing>;
using Parts = std::span<const std::span<const std::byte>>;

struct ParseError {
  Error error;
  std::optional<std::uint64_t> number;  // the image that is lost
};

// Frames of a series. External enable: every gate is one frame; otherwise every trigger starts a run of
// images.
std::uint64_t expected_frames(std::string_view trigger_mode, std::uint64_t images, std::uint64_t triggers);

// One multipart message of stream v1 (JSON and blobs). Views point into the parts. Tolerates what recorded
// detectors and simulators send: empty flat fields and masks, wrong hashes, the configuration in a message of
// its own, a misspelt end.
tl::expected<Message, ParseError> parse_stream1(Parts parts);

// One CBOR message of stream v2, with or without the self-describe tag. Unknown keys and tags are skipped.
tl::expected<Message, ParseError> parse_stream2(std::span<const std::byte> bytes);

}  // namespace bragglive::dectris
