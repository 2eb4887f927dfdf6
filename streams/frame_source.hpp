// Where frames come from: a live endpoint, a recording or the demo specimen, behind one interface.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"
#include "core/frame/log.hpp"
#include "core/frame/scan_geometry.hpp"
#include "streams/payload.hpp"
#include "streams/scan_path.hpp"

namespace bragglive {

// lz4: one bare block. bslz4: bitshuffle + LZ4 in HDF5 filter 32008's framing. hdf5_lz4: LZ4 blocks in HDF5
// filter 32004's framing.
enum class Encoding : std::uint8_t { none = 1, lz4 = 2, bslz4 = 3, hdf5_lz4 = 4 };

struct ScanStart {
  std::uint64_t series_id = 0;
  ScanShape scan;
  FrameShape frame;
  PixelType pixel = PixelType::u16;
  Encoding encoding = Encoding::none;
  std::uint64_t expected_frames = 0;            // 0 = scan.positions()
  std::map<std::string, std::string> metadata;  // free; "calibration" may hold a calibration's TOML text
};

struct FrameMessage {
  std::uint64_t series_id = 0;
  std::uint64_t frame_number = 0;  // order of acquisition, zero-based
  std::uint64_t scan_index = 0;    // position, row-major; checked by the engine against the scan
  std::uint64_t timestamp_ns = 0;  // of the sender, since the epoch; 0 = none
  Payload payload;                 // in the encoding of the scan's start
};

struct ScanEnd {
  std::uint64_t series_id = 0;
  std::uint64_t frames_sent = 0;  // 0 = not said
};

// Something came that could not be understood; the source goes on.
struct BadMessage {
  Error error;
  std::optional<std::uint64_t> scan_index = std::nullopt;  // where it says so itself
  std::optional<std::uint64_t> series_id = std::nullopt;   // of which series, where it says so
};

struct Idle {};         // nothing within the timeout
struct EndOfSource {};  // a recording is over; an endpoint never is

using SourceEvent = std::variant<Idle, ScanStart, FrameMessage, ScanEnd, BadMessage, EndOfSource>;

// One thread calls next(); everything else may be called from any thread.
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  // Waits at most `timeout` for the next event. A closed connection is not an error: the source reconnects by
  // itself.
  virtual SourceEvent next(std::chrono::milliseconds timeout) = 0;
  // true: the sender cannot wait, frames without a slot are skipped. false: the engine takes its time and
  // loses nothing.
  virtual bool live() const = 0;
  // A live source with frames in hand that were held back: as long as this is true, the engine takes its time with
  // them.
  virtual bool behind() const { return false; }
  virtual std::string description() const = 0;
  // A recording can give any frame again, for looking at it; nullopt where that is not so (live) or out of
  // range.
  virtual std::optional<std::vector<std::byte>> frame_again(std::uint64_t scan_index) const {
    (void)scan_index;
    return std::nullopt;  // else: frame.pixels() native-endian pixels, decoded
  }
  // Frames that the detector itself says it had to drop; nullopt: it does not say.
  virtual std::optional<std::uint64_t> dropped_by_detector() const { return std::nullopt; }
};

struct SourceOptions {
  std::optional<ScanShape> scan;    // overrides or supplies the scan's shape
  ScanPath path;                    // frames that are no positions, and the order of the others
  std::string protocol = "native";  // of an endpoint
  std::string dataset;              // inside an HDF5 file; empty = found by layout
  std::string channel;              // of a detector with several thresholds; empty = its first
  std::string rest;    // of a DECTRIS detector: its REST interface, http://host; empty = listen only
  double rate_hz = 0;  // replay: frames per second; 0 = as fast as they are taken
  // A recording that is still being written: its frames are taken as they come, until all are there or none
  // has come for so long. HDF5 written for readers (SWMR) is followed without being asked to.
  bool follow = false;
  std::chrono::milliseconds follow_quiet{10000};
  LogSink log;
};

// Makes sources whose scheme core libraries cannot know (e.g. "demo:gold", which simulates): an application
// adds them.
using SourceFactory = std::function<Expected<std::unique_ptr<FrameSource>>(const std::string& uri,
                                                                           const SourceOptions& options)>;

// uri: tcp://…, ipc://… (endpoint), "<scheme>:…" of `extra`, else a recording's path.
Expected<std::unique_ptr<FrameSource>> open_source(const std::string& uri, const SourceOptions& options,
                                                   const std::map<std::string, SourceFactory>& extra = {});

// Decodes a payload into `out` (frame.bytes() bytes). Every size is checked; on an error `out` holds no
// usable pixels.
Expected<void> decode_payload(Encoding encoding, FrameShape frame, PixelType pixel,
                              std::span<const std::byte> payload, std::span<std::byte> out);

}  // namespace bragglive
