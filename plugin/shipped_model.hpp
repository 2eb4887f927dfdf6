// Finds and loads the model that a name stands for.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "core/label/crystal_model.hpp"

namespace bragglive {

// "default" is the shipped model: looked for where BRAGGLIVE_MODEL names a file, then beside the installed
// program
// (<prefix>/share/bragglive/default.blm), then in the source tree this was built from. Anything else is a
// path.
std::filesystem::path model_path(const std::string& name);
Expected<std::shared_ptr<const CrystalModel>> load_model(const std::string& name);

}  // namespace bragglive
