// Counted 4D Camera data as stempy writes it (stempy/io: save_electron_counts): the electrons of a frame as a
// list of flat pixel indices.
#pragma once
#include <filesystem>
#include <memory>
#include <span>

#include "core/hdf5/handle.hpp"
#include "streams/recordings/recording.hpp"

namespace bragglive {

// /electron_events/frames (vlen uint32; Nx, Ny of the frame) and /electron_events/scan_positions (uint32; Nx,
// Ny of the scan). Several frames of one position add up. nullptr: no such file.
Expected<std::unique_ptr<Recording>> open_counted(const std::filesystem::path& file, hdf5::Handle& handle);

// Adds one electron for each index to uint16 pixels, which saturate. false: an index outside the frame.
bool count_electrons(std::span<const std::uint32_t> indices, std::span<std::uint16_t> pixels);

}  // namespace bragglive
