// The REST interface of a DECTRIS detector (SIMPLON API 1.8: detector/api, stream/api), read only.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/frame/frame_view.hpp"
#include "streams/tcp/tcp_socket.hpp"

namespace bragglive::dectris {

struct DetectorSettings {
  std::string api_version, description, state, trigger_mode;
  FrameShape frame;           // 0: not said
  unsigned bit_depth = 0;     // 0: not said
  std::uint64_t images = 0;   // that a series will have; 0: not said
  std::string stream_mode;    // "enabled", "disabled"; empty: not said
  std::string stream_format;  // "legacy" (v1), "cbor" (v2)
  std::string masked_pixels;  // flat indices, joined by commas; of small detectors
  std::map<std::string, std::string> metadata;
};

struct StreamStatus {
  std::string state;
  std::uint64_t dropped = 0;  // images that nobody took, since the arm
};

class Simplon {
 public:
  explicit Simplon(TcpAddress server) : server_(std::move(server)) {}

  // Several requests; a key that this detector does not have is left empty.
  Expected<DetectorSettings> settings();
  Expected<StreamStatus> stream_status();
  const TcpAddress& server() const { return server_; }

 private:
  Expected<std::string> value_of(const std::string& module, const std::string& path);

  const TcpAddress server_;
  std::string version_;  // once it is known
};

// The parts that read what the detector answers; `body` may be anything.
// "value" of {"value": …, "value_type": …} as text; empty: there is none.
Expected<std::string> simplon_value(std::string_view body);
// Flat indices of the pixels that are not 0, of {"value": {"__darray__": …, "type": "<u4", "shape": [w, h],
// "filters": ["base64"], "data": …}}; empty for another frame or too many.
std::string simplon_mask(std::string_view body, FrameShape frame);

}  // namespace bragglive::dectris
