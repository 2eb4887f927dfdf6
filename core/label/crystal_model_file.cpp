#include "core/label/crystal_model_file.hpp"

#include <nlohmann/json.hpp>

#include "core/features/definition.hpp"
#include "core/forest/model_container.hpp"

namespace bragglive {
namespace {

using Json = nlohmann::json;

std::string definition_hash(const std::string& definition) {
  return fmt::format("{:016x}", hash_of_definition(definition));
}

Expected<std::optional<Forest>> forest_section(const ModelContainer& container, const std::string& name,
                                               const std::string& called) {
  const ModelSection* section = container.find(name);
  if (!section) return std::optional<Forest>{};
  auto forest = forest_from_bytes(section->bytes);
  if (!forest) return fail(forest.error().area, "{}, section '{}': {}", called, name, forest.error().message);
  return std::optional<Forest>(std::move(*forest));
}

// The text of the metadata and the feature definition in it.
Expected<void> read_metadata(const ModelContainer& container, const std::string& called,
                             CrystalModelParts& parts) {
  const ModelSection* section = container.find("metadata");
  if (!section) return fail(ErrorArea::format, "{} has no metadata; it is not a whole model", called);
  parts.provenance.assign(reinterpret_cast<const char*>(section->bytes.data()), section->bytes.size());
  const Json metadata = Json::parse(parts.provenance, nullptr, false);
  if (!metadata.is_object()) return fail(ErrorArea::format, "{}: the metadata is not a JSON object", called);
  if (metadata.value("format", Json()) != "bragglive-crystal-model")
    return fail(ErrorArea::format, "{}: the metadata does not name the format 'bragglive-crystal-model'",
                called);
  const auto features = metadata.find("features");
  if (features == metadata.end() || !features->is_object() ||
      !features->value("definition", Json()).is_string())
    return fail(ErrorArea::format, "{}: the metadata does not define the features", called);
  parts.features = (*features)["definition"].get<std::string>();
  if (features->value("hash", Json()) != definition_hash(parts.features))
    return fail(ErrorArea::format, "{}: the feature definition does not match its hash", called);
  const auto rebuilt = make_feature_set(parts.features);
  if (!rebuilt) return fail(rebuilt.error().area, "{}: {}", called, rebuilt.error().message);
  if ((*rebuilt)->definition() != parts.features)
    return fail(ErrorArea::format, "{}: trained on the features '{}', this version would compute '{}'",
                called, parts.features, (*rebuilt)->definition());
  return {};
}

Expected<LoadedModelParts> parts_of(const ModelContainer& container, const std::string& called) {
  LoadedModelParts out;
  out.checksum = container.checksum;
  if (auto good = read_metadata(container, called, out.parts); !good) return tl::unexpected(good.error());
  const auto take = [&](const std::string& name, std::optional<Forest>& place) -> Expected<void> {
    auto forest = forest_section(container, name, called);
    if (!forest) return tl::unexpected(forest.error());
    place = std::move(*forest);
    return {};
  };
  if (auto good = take("system", out.parts.system); !good) return tl::unexpected(good.error());
  for (std::size_t s = 1; s < out.parts.lattice.size(); ++s) {
    const std::string name(k_crystal_system_names[s]);
    if (auto good = take("space_group." + name, out.parts.space_group[s]); !good)
      return tl::unexpected(good.error());
    if (auto good = take("lattice." + name, out.parts.lattice[s]); !good) return tl::unexpected(good.error());
  }
  return out;
}

}  // namespace

Expected<void> save_crystal_model(const std::filesystem::path& file, const CrystalModelParts& parts) {
  if (auto checked = make_crystal_model(parts, ""); !checked) return tl::unexpected(checked.error());
  Json metadata = Json::parse(parts.provenance, nullptr, false);
  if (!metadata.is_object()) return fail(ErrorArea::usage, "model: the provenance is not a JSON object");
  metadata["format"] = "bragglive-crystal-model";
  metadata["features"] = {{"definition", parts.features}, {"hash", definition_hash(parts.features)}};
  const std::string text = metadata.dump(1);
  std::vector<ModelSection> sections;
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  sections.push_back({"metadata", {begin, begin + text.size()}});
  const auto add = [&](std::string name, const std::optional<Forest>& forest) {
    if (forest) sections.push_back({std::move(name), forest_bytes(*forest)});
  };
  add("system", parts.system);
  for (std::size_t s = 1; s < parts.lattice.size(); ++s) {
    const std::string name(k_crystal_system_names[s]);
    add("space_group." + name, parts.space_group[s]);
    add("lattice." + name, parts.lattice[s]);
  }
  return write_model_container(file, sections);
}

Expected<LoadedModelParts> load_crystal_model_parts(const std::filesystem::path& file) {
  const auto container = read_model_container(file);
  if (!container) return tl::unexpected(container.error());
  return parts_of(*container, file.string());
}

Expected<LoadedModelParts> crystal_model_parts_from_bytes(std::span<const std::byte> bytes,
                                                          const std::string& called) {
  const auto container = parse_model_container(bytes, called);
  if (!container) return tl::unexpected(container.error());
  return parts_of(*container, called);
}

}  // namespace bragglive
