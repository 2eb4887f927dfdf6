// SIMPLON API reference 1.8, stream interface; deviations seen in LiberTEM's and tickit's simulators are
// tolerated.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "streams/codec/byte_order.hpp"
#include "streams/dectris/messages.hpp"

namespace bragglive::dectris {
namespace {

using Json = nlohmann::json;
constexpr std::size_t k_max_json = std::size_t{1} << 20;
constexpr std::size_t k_max_text = 4096;
constexpr std::size_t k_max_masked =
    200'000;  // beyond, a mask is a module gap that the model need not be told in words

Json json_of(std::span<const std::byte> part) {
  if (part.size() > k_max_json) return Json(Json::value_t::discarded);
  const auto* text = reinterpret_cast<const char*>(part.data());
  return Json::parse(text, text + part.size(), nullptr, false);
}

std::optional<std::uint64_t> number_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool starts_with_any(const std::string& text, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view b) { return text.starts_with(b); });
}

tl::unexpected<ParseError> broken(std::string text, std::optional<std::uint64_t> number = std::nullopt) {
  return tl::unexpected<ParseError>(
      ParseError{Error{ErrorArea::format, "DECTRIS stream: " + std::move(text)}, number});
}

void add_config(const Json& config, SeriesStart& start) {
  start.expected_frames =
      expected_frames(text_in(config, "trigger_mode"), number_in(config, "nimages").value_or(0),
                      number_in(config, "ntrigger").value_or(0));
  for (const auto& [key, value] : config.items()) {
    if (value.is_string()) start.metadata[key] = value.get<std::string>().substr(0, k_max_text);
    if (value.is_primitive() && !value.is_string() && !value.is_null()) start.metadata[key] = value.dump();
  }
}

// Flat indices of the pixels that the detector calls bad.
void add_mask(const Json& description, std::span<const std::byte> blob, SeriesStart& start) {
  const auto shape = description.find("shape");
  if (shape == description.end() || !shape->is_array() || shape->size() != 2 ||
      text_in(description, "type") != "uint32")
    return;
  std::string text;
  std::size_t count = 0;
  for (std::size_t i = 0; i < blob.size() / 4; ++i) {
    if (load_little<std::uint32_t>(blob.data() + 4 * i) == 0) continue;
    if (++count > k_max_masked) return;
    text += fmt::format("{}{}", text.empty() ? "" : ",", i);
  }
  start.metadata["masked_pixels"] = text;
}

Message parse_header(const Json& first, Parts parts) {
  SeriesStart start;
  start.series_id = number_in(first, "series").value_or(0);
  start.metadata["header_detail"] = text_in(first, "header_detail");
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Json part = json_of(parts[i]);
    if (!part.is_object() || (i > 1 && !part.contains("htype"))) {
      // Behind the last pair of description and blob stands the appendix, free text; it may be JSON.
      if (i + 1 == parts.size() && i > 1 && parts[i].size() < k_max_text)
        start.metadata["header_appendix"] =
            std::string(reinterpret_cast<const char*>(parts[i].data()), parts[i].size());
      continue;
    }
    const std::string type = text_in(part, "htype");
    const std::span<const std::byte> blob =
        i + 1 < parts.size() ? parts[i + 1] : std::span<const std::byte>{};
    if (starts_with_any(type, {"dpixelmask", "pixelmask"})) add_mask(part, blob, start);
    if (!type.empty() && type != "dheader-1.0") {
      ++i;  // its blob
    } else {
      add_config(part, start);
    }
  }
  return start;
}

std::optional<FrameShape> shape_in(const Json& description) {
  const auto shape = description.find("shape");
  if (shape == description.end() || !shape->is_array() || shape->size() < 2 || shape->size() > 3)
    return std::nullopt;
  for (const Json& side : *shape)
    if (!side.is_number_unsigned()) return std::nullopt;
  const auto width = (*shape)[0].get<std::uint64_t>(), height = (*shape)[1].get<std::uint64_t>();
  if (shape->size() == 3 && (*shape)[2].get<std::uint64_t>() != 1) return std::nullopt;
  if (width == 0 || height == 0 || width > k_max_detector_side || height > k_max_detector_side)
    return std::nullopt;
  return FrameShape{static_cast<std::uint32_t>(height), static_cast<std::uint32_t>(width)};
}

tl::expected<Message, ParseError> parse_image(const Json& first, Parts parts) {
  Image image;
  const auto number = number_in(first, "frame"), series = number_in(first, "series");
  if (!number || !series) return broken("an image without series or frame number", number);
  image.number = *number;
  image.series_id = *series;
  if (parts.size() < 3)
    return broken(fmt::format("image {} has {} parts, not 4", *number, parts.size()), number);
  const Json description = json_of(parts[1]);
  if (!description.is_object()) return broken(fmt::format("image {} has no description", *number), number);
  ImageData data;
  const auto shape = shape_in(description);
  const auto pixel = pixel_type_from_name(text_in(description, "type"));
  if (!shape || !pixel) return broken(fmt::format("image {} has no usable shape or type", *number), number);
  data.shape = *shape;
  data.pixel = *pixel;
  if (auto read = read_encoding(text_in(description, "encoding"), data); !read)
    return broken(read.error().message, number);
  data.bytes = parts[2];
  const auto size = number_in(description, "size");
  if (size && *size != data.bytes.size())
    return broken(
        fmt::format("image {} has {} bytes, its description says {}", *number, data.bytes.size(), *size),
        number);
  // The hash is not looked at: in recorded series it matches neither the blob nor the image.
  if (parts.size() > 3)
    if (const Json times = json_of(parts[3]); times.is_object())
      image.start_time_ns = number_in(times, "start_time").value_or(0);
  image.channels.push_back({{}, data});
  return Message(std::move(image));
}

}  // namespace

std::uint64_t expected_frames(std::string_view trigger_mode, std::uint64_t images, std::uint64_t triggers) {
  if (trigger_mode == "exte" || trigger_mode == "inte") return triggers;
  if (triggers != 0 && images > std::numeric_limits<std::uint64_t>::max() / triggers) return 0;
  return images * triggers;
}

tl::expected<Message, ParseError> parse_stream1(Parts parts) {
  if (parts.empty()) return broken("an empty message");
  const Json first = json_of(parts[0]);
  if (!first.is_object())
    return broken(fmt::format("a message that does not begin with JSON ({} bytes)", parts[0].size()));
  const std::string type = text_in(first, "htype");
  if (type.starts_with("dheader")) return parse_header(first, parts);
  if (type.starts_with("dimage-")) return parse_image(first, parts);
  if (starts_with_any(type, {"dseries_end", "deseries_end"}))
    return Message(SeriesEnd{number_in(first, "series").value_or(0)});
  if (type.empty() && (first.contains("nimages") || first.contains("x_pixels_in_detector"))) {
    SeriesStart
        start;  // the configuration as a message of its own; the receiver adds it to the header before it
    add_config(first, start);
    return Message(std::move(start));
  }
  if (starts_with_any(type, {"dflatfield", "flatfield", "dpixelmask", "pixelmask", "dcountrate"}))
    return Message(Nothing{});
  return broken(fmt::format("unknown message type '{}'", type.substr(0, 40)));
}

}  // namespace bragglive::dectris
