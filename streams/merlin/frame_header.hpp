// The text headers of Quantum Detectors' Merlin: of a frame ("MQ1,…") and of an acquisition ("HDR,…").
//
// MQ1, sequence (6 digits, from 1), data offset, chips, width, height, pixel type (U08 U16 U32 R64), layout,
// chip mask, time, shutter, …, "MQ1A", ISO time, exposure ns, counter depth. The data offset's value counts
// (384, 768 and others), not a constant. Sources: LiberTEM/LiberTEM-rs libertem_qd_mpx/src/base_types.rs;
// rosettasciio rsciio/quantumdetector/_api.py.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"
#include "core/frame/scan_geometry.hpp"

namespace bragglive::merlin {

enum class Format : std::uint8_t { u8, u16, u32, raw };

struct FrameHeader {
  std::uint64_t sequence = 0;  // from 1
  std::size_t offset = 0;      // of the pixels, from the "M" of MQ1
  std::uint32_t chips = 1;
  std::uint32_t width = 0,
                height =
                    0;  // as the header states them (raw quad: 1024 x 256; raw 24 bit: two pictures wide)
  Format format = Format::u16;
  std::uint32_t counter_depth = 0;  // 1, 6, 12, 24; 0 = not said

  bool is_raw_quad() const {
    return format == Format::raw && chips == 4 && width == 4 * height && counter_depth != 24;
  }
  std::size_t payload_bytes() const;
  PixelType pixel_type() const;
  FrameShape frame_shape() const;  // of the picture: raw quads are put together to 512 x 512
  std::string_view format_name() const;
};

// `bytes` begins with MQ1; only the header is read.
Expected<FrameHeader> parse_frame_header(std::span<const std::byte> bytes);

struct AcquisitionHeader {
  std::map<std::string, std::string> fields;
  std::optional<std::uint64_t> number(const std::string& key) const;
  std::uint64_t frames() const;  // 0 = not said
  // ScanY x ScanX of newer software; else one line for each trigger of several frames; nullopt otherwise.
  std::optional<ScanShape> scan() const;
};

// Never fails: lines that are not "key:<tab>value" are skipped, reading ends at "End".
AcquisitionHeader parse_acquisition_header(std::string_view text);

}  // namespace bragglive::merlin
