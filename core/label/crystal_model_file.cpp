#include "core/label/crystal_model_file.hpp"

#include <nlohmann/json.hpp>

#include "core/features/definition.hpp"
#include "core/forest/model_container.hpp"
#include "core/phases/phase_features.hpp"

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

Expected<std::vector<Phase>> read_phases(const ModelContainer& container, const std::string& called) {
  const ModelSection* section = container.find("phases");
  if (!section) return std::vector<Phase>{};
  auto phases = phases_from_bytes(section->bytes);
  if (!phases) return fail(phases.error().area, "{}, section 'phases': {}", called, phases.error().message);
  return phases;
}

// An optional list of numbers.
bool take_numbers(const Json& object, const char* key, std::vector<float>& out) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return false;
  for (const Json& value : *found) {
    if (!value.is_number()) return false;
    out.push_back(value.get<float>());
  }
  return true;
}

Expected<void> read_confidence(const Json& metadata, const std::string& called, ConfidenceTable& table) {
  const auto found = metadata.find("confidence");
  if (found == metadata.end()) return {};
  if (!found->is_object() || !take_numbers(*found, "probability", table.probability) ||
      !take_numbers(*found, "right", table.right))
    return fail(ErrorArea::format, "{}: the metadata's table of confidences is damaged", called);
  return {};
}

Expected<void> read_merged(const Json& metadata, const std::string& called, CrystalModelParts& parts) {
  const auto found = metadata.find("merged");
  if (found == metadata.end()) return {};
  if (!found->is_object() || !found->value("definition", Json()).is_string())
    return fail(ErrorArea::format, "{}: the metadata does not define the features of several patterns",
                called);
  parts.merged_features = (*found)["definition"].get<std::string>();
  if (found->value("hash", Json()) != definition_hash(parts.merged_features))
    return fail(ErrorArea::format, "{}: the feature definition of several patterns does not match its hash",
                called);
  return {};
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
  const auto rebuilt = feature_set_of(parts);
  if (!rebuilt) return fail(rebuilt.error().area, "{}: {}", called, rebuilt.error().message);
  if ((*rebuilt)->definition() != parts.features)
    return fail(ErrorArea::format, "{}: trained on the features '{}', this version would compute '{}'",
                called, parts.features, (*rebuilt)->definition());
  if (auto good = read_confidence(metadata, called, parts.confidence); !good) return good;
  return read_merged(metadata, called, parts);
}

Expected<LoadedModelParts> parts_of(const ModelContainer& container, const std::string& called) {
  LoadedModelParts out;
  out.checksum = container.checksum;
  auto phases = read_phases(container, called);
  if (!phases) return tl::unexpected(phases.error());
  out.parts.phases = std::move(*phases);
  if (auto good = read_metadata(container, called, out.parts); !good) return tl::unexpected(good.error());
  const auto take = [&](const std::string& name, std::optional<Forest>& place) -> Expected<void> {
    auto forest = forest_section(container, name, called);
    if (!forest) return tl::unexpected(forest.error());
    place = std::move(*forest);
    return {};
  };
  for (const auto& [name, place] : {std::pair{"system", &out.parts.system},
                                    {"quality", &out.parts.quality},
                                    {"merged.system", &out.parts.merged_system}})
    if (auto good = take(name, *place); !good) return tl::unexpected(good.error());
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
  if (auto checked = check_crystal_model(parts); !checked) return tl::unexpected(checked.error());
  Json metadata = Json::parse(parts.provenance, nullptr, false);
  if (!metadata.is_object()) return fail(ErrorArea::usage, "model: the provenance is not a JSON object");
  metadata["format"] = "bragglive-crystal-model";
  metadata["features"] = {{"definition", parts.features}, {"hash", definition_hash(parts.features)}};
  metadata.erase("confidence");
  metadata.erase("merged");
  if (!parts.confidence.empty())
    metadata["confidence"] = {{"probability", parts.confidence.probability},
                              {"right", parts.confidence.right}};
  if (parts.merged_system)
    metadata["merged"] = {{"definition", parts.merged_features},
                          {"hash", definition_hash(parts.merged_features)}};
  const std::string text = metadata.dump(1);
  std::vector<SectionSource> sections;
  sections.push_back({"metadata", [bytes = std::as_bytes(std::span(text))] {
                        return std::vector(bytes.begin(), bytes.end());
                      }});
  const auto add = [&](std::string name, const std::optional<Forest>& forest) {
    if (forest) sections.push_back({std::move(name), [&forest] { return forest_bytes(*forest); }});
  };
  if (!parts.phases.empty())
    sections.push_back({"phases", [&parts] { return phases_to_bytes(parts.phases); }});
  add("system", parts.system);
  add("quality", parts.quality);
  add("merged.system", parts.merged_system);
  for (std::size_t s = 1; s < parts.lattice.size(); ++s) {
    const std::string name(k_crystal_system_names[s]);
    add("space_group." + name, parts.space_group[s]);
    add("lattice." + name, parts.lattice[s]);
  }
  return write_model_container(file, sections);
}

Expected<std::shared_ptr<const FeatureSet>> feature_set_of(const CrystalModelParts& parts) {
  if (parts.phases.empty()) return make_feature_set(parts.features);
  auto made = PhaseFeatures::create(parts.phases, parts.features);
  if (!made) return tl::unexpected(made.error());
  return std::shared_ptr<const FeatureSet>(std::move(*made));
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
