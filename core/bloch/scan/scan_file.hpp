// A simulated scan as an HDF5 file that py4DSTEM (emdfile) reads as a DataCube, with its truth and its
// calibration.
#pragma once
#include <filesystem>
#include <functional>

#include "core/bloch/scan/scan_simulation.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

struct ScanFileOptions {
  unsigned threads = 0;  // 0 = all
  bool compress = true;  // shuffle + deflate 1
};

// Layout (EMD 1.0):
//   /datacube_root/datacube/data     (scan rows, scan columns, rows, columns), one chunk per pattern;
//   attributes units,
//                                    calibration (TOML text), specimen
//   /datacube_root/datacube/dim0…3   axes;  /datacube_root/metadatabundle/calibration/…  py4DSTEM's names
//   /truth/{grain_count, phase, system, space_group} (scan rows, scan columns): of the crystal that diffracts
//   most; phase -1 and
//          system 0 where there is none
//   /truth/{grain, thickness_nm, weight} (scan rows, scan columns, 4), strongest first; grain -1 = none
//   /truth/grains/{phase, rotation (n,3,3), max_thickness_nm}: rotation turns the crystal's Cartesian frame
//   into the scan's (x along
//          scan rows, y along scan columns, z against the beam)
//   attributes of /truth: phases (JSON: name, system, space_group, lattice [a,b,c,alpha,beta,gamma]), recipe
//   (TOML), seed
// One scan row is in memory at a time. `rows_done` is called after each row. The file appears under its name
// when it is complete.
Expected<void> write_scan_file(const ScanSimulation& simulation, const std::filesystem::path& file,
                               const ScanFileOptions& options,
                               const std::function<void(std::uint32_t)>& rows_done = {});

}  // namespace bragglive
