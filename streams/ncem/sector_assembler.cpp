#include "streams/ncem/sector_assembler.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <msgpack.hpp>

#include "streams/recordings/mapped_file.hpp"

namespace bragglive::ncem {
namespace {

constexpr std::size_t k_max_partial = 64;  // frames in assembly: 42 MB
constexpr std::chrono::seconds k_patience{2};
constexpr std::uint64_t k_max_count = 65536;  // the header's fields have 16 bits

tl::unexpected<Error> no_header(std::string_view what) {
  return fail(ErrorArea::format, "4D Camera: a header {}", what);
}

}  // namespace

Expected<std::optional<SectorHeader>> parse_header(std::span<const std::byte> bytes) try {
  const msgpack::unpack_limit limit(4096, 4096, 64, 64, 64, 2);
  const msgpack::object_handle handle =
      msgpack::unpack(reinterpret_cast<const char*>(bytes.data()), bytes.size(), nullptr, nullptr, limit);
  const msgpack::object& object = handle.get();
  if (object.type == msgpack::type::MAP) return std::optional<SectorHeader>{};
  if (object.type != msgpack::type::ARRAY || (object.via.array.size != 8 && object.via.array.size != 9))
    return no_header("has neither 8 nor 9 fields");
  std::array<std::uint64_t, 8> field{};
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < object.via.array.size; ++i) {
    const msgpack::object& item = object.via.array.ptr[i];
    if (item.type != msgpack::type::POSITIVE_INTEGER) return no_header("field is no number");
    if (object.via.array.size == 9 && i == 2) continue;  // frames of this thread
    field[at++] = item.via.u64;
  }
  if (*std::max_element(field.begin() + 2, field.end()) >= k_max_count || field[7] >= k_sectors)
    return no_header("has a number that is too large");
  if ((field[2] + 1) * (field[3] + 1) > k_max_scan_positions)
    return no_header("tells of a scan that is too large");
  SectorHeader header;
  header.scan_number = field[0];
  header.frame_number = field[1];
  header.cols = static_cast<std::uint32_t>(field[2] + 1);
  header.rows = static_cast<std::uint32_t>(field[3] + 1);
  header.col = static_cast<std::uint32_t>(field[4]);
  header.row = static_cast<std::uint32_t>(field[5]);
  header.module = static_cast<std::uint32_t>(field[7]);
  return std::optional(header);
} catch (const std::exception&) {  // msgpack's only way to say it
  return no_header("is not msgpack");
}

void put_sector(SectorLayout layout, std::uint32_t module, std::span<const std::byte> sector,
                std::span<std::byte> frame) {
  constexpr std::size_t k_row = 2 * k_side, k_part = k_row / k_sectors;
  if (layout == SectorLayout::rows) {
    std::memcpy(frame.data() + module * k_sector_bytes, sector.data(), k_sector_bytes);
    return;
  }
  for (std::size_t row = 0; row < k_side; ++row)
    std::memcpy(frame.data() + row * k_row + module * k_part, sector.data() + row * k_part, k_part);
}

std::vector<std::byte> take_sector(SectorLayout layout, std::uint32_t module,
                                   std::span<const std::byte> frame) {
  constexpr std::size_t k_row = 2 * k_side, k_part = k_row / k_sectors;
  std::vector<std::byte> sector(k_sector_bytes);
  if (layout == SectorLayout::rows) {
    std::memcpy(sector.data(), frame.data() + module * k_sector_bytes, k_sector_bytes);
    return sector;
  }
  for (std::size_t row = 0; row < k_side; ++row)
    std::memcpy(sector.data() + row * k_part, frame.data() + row * k_row + module * k_part, k_part);
  return sector;
}

std::vector<std::byte> pack(const SectorHeader& header) {
  msgpack::sbuffer buffer;
  msgpack::pack(buffer,
                std::array<std::uint64_t, 8>{header.scan_number, header.frame_number, header.cols - 1,
                                             header.rows - 1, header.col, header.row, 0, header.module});
  std::vector<std::byte> bytes(buffer.size());
  std::memcpy(bytes.data(), buffer.data(), buffer.size());
  return bytes;
}

void SectorAssembler::on(std::span<const std::byte> header_bytes, std::span<const std::byte> pixels,
                         Clock::time_point now) {
  last_ = now;
  const auto header = parse_header(header_bytes);
  if (!header) return events_.bad(header.error().area, header.error().message, std::nullopt);
  if (!*header) return;
  const SectorHeader& sector = **header;
  const std::uint64_t scan_index = std::uint64_t{sector.row} * sector.cols + sector.col;
  if (pixels.size() != k_sector_bytes)
    return events_.bad(
        ErrorArea::shape,
        fmt::format("4D Camera: a sector of {} bytes instead of {}", pixels.size(), k_sector_bytes),
        scan_index);
  if (scan_ && sector.scan_number < scan_->series_id) {  // what was left of the scan before
    FrameMessage stale;
    stale.series_id = sector.scan_number;
    stale.frame_number = sector.frame_number;
    stale.scan_index = scan_index;
    if (sector.module == 0) events_.add(std::move(stale));
    return;
  }
  if (!scan_ || sector.scan_number != scan_->series_id) begin(sector);
  add(sector, pixels);
}

void SectorAssembler::begin(const SectorHeader& header) {
  while (!partial_.empty()) give_up_oldest();
  finished_ = 0;
  ScanStart start;
  start.series_id = header.scan_number;
  start.scan = options_.scan.value_or(ScanShape{header.rows, header.cols});
  start.frame = {k_side, k_side};
  start.pixel = PixelType::u16;
  start.expected_frames = std::uint64_t{header.rows} * header.cols;
  scan_ = start;
  events_.add(std::move(start));
}

void SectorAssembler::add(const SectorHeader& header, std::span<const std::byte> pixels) {
  Partial& partial = partial_[header.frame_number];
  if (partial.pixels.empty()) {
    partial.pixels.resize(k_sectors * k_sector_bytes);
    partial.scan_index = std::uint64_t{header.row} * header.cols + header.col;
  }
  put_sector(layout_, header.module, pixels, partial.pixels);
  partial.modules |= 1U << header.module;
  if (partial.modules == (1U << k_sectors) - 1) {
    FrameMessage frame;
    frame.series_id = scan_->series_id;
    frame.frame_number = header.frame_number;
    frame.scan_index = partial.scan_index;
    frame.payload = own(std::move(partial.pixels));
    events_.add(std::move(frame));
    partial_.erase(header.frame_number);
    ++finished_;
  } else if (partial_.size() > k_max_partial) {
    give_up_oldest();
  }
  if (finished_ == scan_->expected_frames) events_.add(ScanEnd{scan_->series_id, 0});
}

void SectorAssembler::give_up_oldest() {
  const auto oldest = partial_.begin();
  const int there = __builtin_popcount(oldest->second.modules);
  events_.bad(ErrorArea::format,
              fmt::format("4D Camera: frame {} has {} of {} sectors", oldest->first, there, k_sectors),
              oldest->second.scan_index);
  partial_.erase(oldest);
  ++finished_;
}

void SectorAssembler::on_silence(Clock::time_point now) {
  if (partial_.empty() || now - last_ < k_patience) return;
  while (!partial_.empty()) give_up_oldest();
  if (scan_ && finished_ == scan_->expected_frames) events_.add(ScanEnd{scan_->series_id, 0});
}

}  // namespace bragglive::ncem
