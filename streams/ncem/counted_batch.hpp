// Batches of counted frames as the 4D Camera's pipeline sends them (NERSC/interactEM,
// distiller_streaming/models.py): a msgpack map {header, data}; header: {scan_number, headers: [one for each
// frame], batch_size_bytes, total_batches, total_frames, current_batch_index}; a frame's header:
// {scan_number, nSTEM_positions_per_row_m1, nSTEM_rows_m1, STEM_x_position_in_row, STEM_row_in_scan,
// frame_shape, data_size_bytes, frame_number, dtype, …}; data: the frames' electrons one behind the other,
// each a uint32, the flat index of its pixel.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/frame/error.hpp"
#include "core/frame/frame_view.hpp"
#include "core/frame/scan_geometry.hpp"

namespace bragglive::ncem {

struct CountedFrame {
  std::uint64_t scan_number = 0;
  ScanShape scan;
  std::uint32_t row = 0, col = 0;
  FrameShape frame;
  std::span<const std::byte> electrons;  // little-endian uint32, in the message
};

struct CountedBatch {
  std::uint64_t total_frames = 0;  // of the scan; 0: not said
  std::vector<CountedFrame> frames;
};

// Spans point into `bytes`. Shapes and positions are within the limits, electrons are not looked at.
Expected<CountedBatch> parse_counted(std::span<const std::byte> bytes);

std::vector<std::byte> pack_counted(const CountedBatch& batch, std::uint64_t batch_index);

}  // namespace bragglive::ncem
