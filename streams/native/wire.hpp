// The message headers of the native protocol (PROTOCOL.md), to and from bytes.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/frame/error.hpp"
#include "streams/frame_source.hpp"

namespace bragglive::native {

constexpr std::uint64_t k_version = 1;
constexpr std::size_t k_max_header_bytes = std::size_t{4} << 20;  // a start may carry a calibration's text

struct StartHeader {
  ScanStart start;
  bool repeat =
      false;  // sent again for those who connect late: nothing new for a receiver that knows the series
};

struct FrameHeader {
  std::uint64_t series_id = 0;
  std::uint64_t frame_number = 0;
  std::uint64_t scan_index = 0;
  std::uint64_t timestamp_ns = 0;
};

using Header = std::variant<StartHeader, FrameHeader, ScanEnd>;

struct ParseError {
  Error error;
  std::optional<std::uint64_t> scan_index;  // where the broken header still tells it
};

// Keeps its memory from message to message.
class HeaderParser {
 public:
  HeaderParser();
  ~HeaderParser();
  // Checks types, sizes and limits of everything it returns; unknown keys are skipped.
  tl::expected<Header, ParseError> parse(std::span<const std::byte> bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::vector<std::byte> pack(const StartHeader& header);
std::vector<std::byte> pack(const FrameHeader& header);
std::vector<std::byte> pack(const ScanEnd& header);

}  // namespace bragglive::native
