// Where frames go: the sending side of a protocol. `bragglive send` and the tests drive it; one class per
// protocol implements it.
#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "core/frame/error.hpp"
#include "core/frame/log.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

// One thread uses a sink. Frames of a scan come between start() and end(); payloads are in the encoding of
// the start.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual Expected<void> start(const ScanStart& start) = 0;
  virtual Expected<void> frame(FrameMessage frame) = 0;
  virtual Expected<void> end(const ScanEnd& end) = 0;
  // A message that no honest sender sends, made of these bytes; for fault tests.
  virtual Expected<void> garbage(std::span<const std::byte> bytes) = 0;
  virtual std::string description() const = 0;
};

struct SinkOptions {
  std::string protocol = "native";
  std::chrono::milliseconds patience{30000};  // for a receiver to come, and for it to take a frame
  LogSink log;
  std::uint16_t rest_port = 0;  // of a simulated DECTRIS detector: its REST interface; 0 = none
};

Expected<std::unique_ptr<FrameSink>> open_sink(const std::string& uri, const SinkOptions& options);

}  // namespace bragglive
