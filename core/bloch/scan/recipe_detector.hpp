// The [detector] and [diffuse] tables of a scan recipe. Internal.
#pragma once
#include "core/bloch/scan/detector_model.hpp"
#include "core/bloch/scan/recipe_reader.hpp"

namespace bragglive {

// `seed` places the defects that are given by number only.
void read_detector(RecipeReader r, DetectorModel& detector, std::uint64_t seed);
void read_diffuse(RecipeReader r, DiffuseModel& diffuse);

}  // namespace bragglive
