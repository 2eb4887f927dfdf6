// NCEM 4D Camera: frames of 576 x 576 uint16 that come in four sectors, each a message of its own: of 144
// rows (version 5) or of 144 columns (version 4).
//
// Part 1 is a msgpack array: scan number, frame number, (frames of this thread, in a nine-field variant,)
// positions per row - 1, rows - 1, column, row, thread, module (stempy, branch streaming, reader_zmq.cpp).
// Part 2 holds the sector's pixels, little-endian. A map as part 1 tells how many messages a thread will
// send; the scan's own size says as much. Knows nothing of sockets.
#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "streams/event_queue.hpp"

namespace bragglive::ncem {

constexpr std::uint32_t k_side = 576, k_sectors = 4;
constexpr std::size_t k_sector_bytes = std::size_t{k_side} * (k_side / k_sectors) * 2;

enum class SectorLayout { rows, columns };

struct SectorHeader {
  std::uint64_t scan_number = 0, frame_number = 0;
  std::uint32_t cols = 0, rows = 0;  // of the scan
  std::uint32_t col = 0, row = 0;
  std::uint32_t module = 0;
};

// nullopt inside: a count of messages, not a sector.
Expected<std::optional<SectorHeader>> parse_header(std::span<const std::byte> bytes);
std::vector<std::byte> pack(const SectorHeader& header);

// k_sector_bytes of a frame of k_sectors times as many, into it and out of it.
void put_sector(SectorLayout layout, std::uint32_t module, std::span<const std::byte> sector,
                std::span<std::byte> frame);
std::vector<std::byte> take_sector(SectorLayout layout, std::uint32_t module,
                                   std::span<const std::byte> frame);

class SectorAssembler {
 public:
  using Clock = std::chrono::steady_clock;
  explicit SectorAssembler(SourceOptions options, SectorLayout layout = SectorLayout::rows)
      : options_(std::move(options)), layout_(layout) {}

  void on(std::span<const std::byte> header, std::span<const std::byte> pixels, Clock::time_point now);
  // Gives up frames whose sectors do not come any more.
  void on_silence(Clock::time_point now);

  bool empty() const { return events_.empty(); }
  SourceEvent pop() { return events_.pop(); }

 private:
  struct Partial {
    std::uint64_t scan_index = 0;
    unsigned modules = 0;  // a bit for each sector that is there
    std::vector<std::byte> pixels;
  };
  void begin(const SectorHeader& header);
  void add(const SectorHeader& header, std::span<const std::byte> pixels);
  void give_up_oldest();

  const SourceOptions options_;
  const SectorLayout layout_;
  EventQueue events_;
  std::optional<ScanStart> scan_;
  std::map<std::uint64_t, Partial> partial_;  // by frame number
  std::uint64_t finished_ = 0;                // frames that were handed on or given up
  Clock::time_point last_{};
};

}  // namespace bragglive::ncem
