// The way of the probe: which of the frames of an acquisition belong to a position of the scan, and to which.
//
// A detector counts frames, and scan hardware triggers some that are no position: before the scan, before or
// behind each line. Acquisition: sync_offset and lead_in frames, then per line line_skip frames, one frame
// for each column, fly_back frames. LiberTEM's sync_offset has the same sign: positive = so many frames more
// at the beginning, negative = so many frames of the scan are missing there.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "core/frame/scan_geometry.hpp"

namespace bragglive {

// A frame's scan index where it belongs to no position: part of the scan's way, not a fault.
constexpr std::uint64_t k_no_position = ~std::uint64_t{0};

struct ScanPath {
  std::uint64_t lead_in = 0;     // frames before the scan
  std::uint64_t line_skip = 0;   // frames before each line
  std::uint64_t fly_back = 0;    // frames behind each line
  std::int64_t sync_offset = 0;  // frames by which the detector's count runs ahead of the scan
  bool serpentine = false;       // every other line is scanned backwards
  bool repeated = false;         // scan follows scan within one series of frames

  bool plain() const { return *this == ScanPath{}; }
  // Position of a frame: k_no_position between the lines and before the scan, scan.positions() and more
  // behind it.
  std::uint64_t position_of(ScanShape scan, std::uint64_t frame) const;
  // nullopt: cut off by a negative sync_offset.
  std::optional<std::uint64_t> frame_of(ScanShape scan, std::uint64_t position) const;
  // From the first frame of a scan to the first of the next one.
  std::uint64_t frames(ScanShape scan) const;

  friend bool operator==(const ScanPath&, const ScanPath&) = default;
};

constexpr std::uint64_t k_max_path_frames = std::uint64_t{1}
                                            << 32;  // of each kind; more is a slip of the pen

class FrameSource;
// Frames come out with the positions that `path` gives them by their numbers, whatever position they claimed.
// Of a repeated path each scan has a start, an end and a series number of its own (the series' times 2^20,
// plus the scan's).
std::unique_ptr<FrameSource> follow_path(std::unique_ptr<FrameSource> source, const ScanPath& path);

}  // namespace bragglive
