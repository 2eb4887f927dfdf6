// The groups and attributes by which py4DSTEM (EMD 1.0, emdfile) recognises a data cube.
#pragma once
#include "core/frame/frame_view.hpp"
#include "core/frame/scan_geometry.hpp"
#include "core/hdf5/handle.hpp"

namespace bragglive::hdf5 {

// The type of a pixel in memory and, on the machines this runs on, in a file.
hid_t type_of(PixelType pixel);

// /datacube_root/datacube/data of (R, C, rows, cols) pixels with `creation`'s storage, and what belongs
// around it. An invalid handle: no room, or the file is not writable.
Handle create_data_cube(hid_t file, ScanShape scan, FrameShape frame, PixelType pixel, hid_t creation);

// Pixel sizes as py4DSTEM reads them, /datacube_root/metadatabundle/calibration; beside a data cube made
// above. `scan_step_nm`: 0 = not known.
void write_emd_calibration(hid_t file, double pixel_size_inv_angstrom, double scan_step_nm);

}  // namespace bragglive::hdf5
