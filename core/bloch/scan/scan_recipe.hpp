// Everything that defines a simulated scan: microscope, detector, crystals, specimen. Read from a TOML
// recipe.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/bloch/bloch_wave.hpp"
#include "core/bloch/scan/detector_model.hpp"
#include "core/bloch/scan/specimen.hpp"
#include "core/crystal/crystal.hpp"
#include "core/frame/error.hpp"
#include "core/frame/scan_geometry.hpp"

namespace bragglive {

struct ScanPhase {
  std::string name;
  Crystal crystal;
  double inelastic_path_nm = 120;  // mean free path of inelastic scattering (plasmons)
  double critical_dose = 0;        // e/Å² that bleaches its spots to 1/e; 0 = the beam does no harm
};

// The amorphous film that carries the specimen.
struct SupportFilm {
  double thickness_nm = 0;
  double elastic_path_nm = 200;
  double inelastic_path_nm = 170;
};

struct ScanRecipe {
  std::string title;
  std::uint64_t seed = 1;
  ScanShape scan{128, 128};
  double electrons_per_pattern = 1e5;
  double dose = 0;         // e/Å²; 0 = not known (no step)
  DetectorModel detector;  // voltage and scan step are in its geometry
  std::vector<ScanPhase> phases;
  SpecimenSettings specimen;
  SupportFilm support;
  BlochSettings bloch;
  double thickness_step_nm =
      1;  // grid of the dynamical intensities; between its points they are interpolated
  // Directions of incidence inside the probe's cone: 1 = disks of even intensity; 7, 19, 37 … = dynamical
  // contrast inside them.
  std::uint32_t disk_samples = 1;
  std::string text;  // the recipe as it was read; goes into the file
};

Expected<void> validate(const ScanRecipe& recipe);

// Unknown keys are refused, so that a misspelt one is not silently the default. Files named in the text are
// relative to `folder`.
Expected<ScanRecipe> scan_recipe_from_toml(const std::string& text, const std::string& where,
                                           const std::filesystem::path& folder);
Expected<ScanRecipe> load_scan_recipe(const std::filesystem::path& file);

// Crystals that need no file: "Au".
Expected<Crystal> built_in_crystal(const std::string& name);

}  // namespace bragglive
