#include "streams/dectris/simplon.hpp"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "streams/codec/byte_order.hpp"
#include "streams/dectris/messages.hpp"
#include "streams/http/http_client.hpp"

namespace bragglive::dectris {
namespace {

using Json = nlohmann::json;
constexpr std::chrono::seconds k_patience{2};  // for one answer
constexpr std::size_t k_max_text = 4096;
constexpr std::size_t k_max_mask_pixels = 512 * 512;

std::uint64_t number_of(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint32_t side_of(const std::string& text) {
  const std::uint64_t side = number_of(text);
  return side <= k_max_detector_side ? static_cast<std::uint32_t>(side) : 0;
}

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=' || c == '\n') continue;
    const auto at =
        std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
    if (at == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(at);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<std::byte>(bits >> count & 0xff));
  }
  return bytes;
}

Json json_of(std::string_view body) {
  return Json::parse(body.begin(), body.end(), nullptr, false);
}

}  // namespace

Expected<std::string> simplon_value(std::string_view body) {
  const Json json = json_of(body);
  if (!json.is_object() || !json.contains("value"))
    return fail(ErrorArea::format, "a detector's answer of {} bytes has no value", body.size());
  const Json& value = json["value"];
  if (value.is_string()) return value.get<std::string>().substr(0, k_max_text);
  return value.is_number() || value.is_boolean() ? value.dump() : std::string();
}

std::string simplon_mask(std::string_view body, FrameShape frame) {
  const Json json = json_of(body);
  const Json* value = json.is_object() && json.contains("value") ? &json["value"] : nullptr;
  if (!value || !value->is_object() || value->value("type", Json()) != "<u4" ||
      value->value("shape", Json()) != Json({frame.cols, frame.rows}) || frame.pixels() > k_max_mask_pixels)
    return {};
  const Json data = value->value("data", Json());
  const auto bytes = data.is_string() ? from_base64(data.get_ref<const std::string&>()) : std::nullopt;
  if (!bytes || bytes->size() != 4 * frame.pixels()) return {};
  std::string text;
  std::size_t count = 0;
  for (std::size_t i = 0; i < frame.pixels(); ++i) {
    if (load_little<std::uint32_t>(bytes->data() + 4 * i) == 0) continue;
    if (++count > frame.pixels() / 2) return {};
    text += fmt::format("{}{}", text.empty() ? "" : ",", i);
  }
  return text;
}

Expected<std::string> Simplon::value_of(const std::string& module, const std::string& path) {
  auto body =
      http_get(server_, fmt::format("/{}/api/{}{}", module, version_.empty() ? "" : version_ + "/", path),
               std::chrono::steady_clock::now() + k_patience);
  if (!body) return tl::unexpected(body.error());
  return simplon_value(*body);
}

Expected<DetectorSettings> Simplon::settings() {
  version_.clear();
  auto version = value_of("detector", "version");
  if (!version) return tl::unexpected(version.error());
  if (version->empty() || version->find_first_not_of("0123456789.") != std::string::npos ||
      version->size() > 16)
    return fail(ErrorArea::format, "http://{}:{} names no SIMPLON API version", server_.host, server_.port);
  version_ = *version;
  DetectorSettings settings;
  settings.api_version = version_;
  const auto text = [&](const char* module, const std::string& path) {
    auto value = value_of(module, path);
    return value ? *value : std::string();
  };
  const auto config = [&](const char* key) {
    std::string value = text("detector", std::string("config/") + key);
    if (!value.empty()) settings.metadata[key] = value;
    return value;
  };
  settings.description = config("description");
  settings.frame = {side_of(config("y_pixels_in_detector")), side_of(config("x_pixels_in_detector"))};
  settings.bit_depth =
      static_cast<unsigned>(std::min<std::uint64_t>(number_of(config("bit_depth_image")), 64));
  settings.trigger_mode = config("trigger_mode");
  settings.images =
      expected_frames(settings.trigger_mode, number_of(config("nimages")), number_of(config("ntrigger")));
  for (const char* key : {"detector_number", "software_version", "count_time", "frame_time",
                          "incident_energy", "threshold/1/energy", "threshold/2/energy", "compression"})
    config(key);
  settings.state = text("detector", "status/state");
  settings.stream_mode = text("stream", "config/mode");
  settings.stream_format = text("stream", "config/format");
  if (settings.frame.pixels() != 0 && settings.frame.pixels() <= k_max_mask_pixels)
    if (auto mask = http_get(server_, fmt::format("/detector/api/{}/config/pixel_mask", version_),
                             std::chrono::steady_clock::now() + k_patience))
      settings.masked_pixels = simplon_mask(*mask, settings.frame);
  return settings;
}

Expected<StreamStatus> Simplon::stream_status() {
  auto dropped = value_of("stream", "status/dropped");
  if (!dropped) return tl::unexpected(dropped.error());
  StreamStatus status;
  status.dropped = number_of(*dropped);
  if (auto state = value_of("stream", "status/state")) status.state = *state;
  return status;
}

}  // namespace bragglive::dectris
