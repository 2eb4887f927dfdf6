// The built-in specimens as frame sources: nothing to install, nothing to download, the truth is known.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/bloch/scan/scan_truth.hpp"
#include "streams/frame_source.hpp"

namespace bragglive {

// "demo:gold": gold nanoparticles on carbon, 128x128 positions, 192x192 uint16, about 100 particles in random
// orientations, some twinned, some overlapping; 300 kV, 0.63 mrad, 2.1 nm steps, 400 e/Å². "demo:FILE.toml":
// a recipe of scan-simulate. Changes after a question mark, joined by &: scan=ROWSxCOLS (particles per area
// stay), seed=N, dose=E_PER_ANGSTROM2, particles=N (gold only), e.g. "demo:gold?scan=256x256&seed=3". The
// scan's metadata carries "calibration" (TOML), "demo" (the address that makes this very scan again) and
// "specimen". live() is false: as from a recording, nothing is skipped. options.scan goes before scan=.
std::map<std::string, SourceFactory> demo_factories();

// The recipe behind an address; `scan` as in SourceOptions.
Expected<ScanRecipe> demo_recipe(const std::string& uri, std::optional<ScanShape> scan = std::nullopt);

struct DemoTruth {
  ScanShape scan;
  std::vector<TruthPhase> phases;
  ScanTruth map;  // all rows
};
// What a perfect program would find in this scan: the metadata's "demo" is the address to ask for.
Expected<DemoTruth> demo_truth(const std::string& uri);

}  // namespace bragglive
