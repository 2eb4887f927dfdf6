#include "plugin/shipped_model.hpp"

#include <cstdlib>

namespace bragglive {

std::filesystem::path model_path(const std::string& name) {
  if (name != "default") return name;
  if (const char* chosen = std::getenv("BRAGGLIVE_MODEL")) return chosen;
  std::error_code ignored;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const std::filesystem::path installed =
      program.parent_path().parent_path() / "share" / "bragglive" / "default.blm";
  if (std::filesystem::exists(installed, ignored)) return installed;
  if (std::filesystem::exists(BRAGGLIVE_INSTALLED_MODEL, ignored)) return BRAGGLIVE_INSTALLED_MODEL;
  return BRAGGLIVE_SOURCE_MODEL;
}

Expected<std::shared_ptr<const CrystalModel>> load_model(const std::string& name) {
  const std::filesystem::path path = model_path(name);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    return fail(ErrorArea::file, "model \"{}\": there is no file {}", name, path.string());
  return load_crystal_model(path);
}

}  // namespace bragglive
