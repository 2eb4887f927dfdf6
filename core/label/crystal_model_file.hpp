// What a crystal model is made of, and how it gets into a file: for the trainer, the evaluation and the
// importer.
//
// Sections: "metadata" (JSON: format, features {definition, hash}, confidence {probability, right}, merged
// {definition, hash}, and whatever the trainer says about itself), "system", "space_group.NAME" and
// "lattice.NAME" per crystal system NAME, "quality", "merged.system" (any but the first two may be missing).
// A specimen model has "phases" and "system" only.
#pragma once
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/forest/forest.hpp"
#include "core/label/confidence_table.hpp"
#include "core/label/crystal_model.hpp"
#include "core/phases/phase_table.hpp"

namespace bragglive {

struct CrystalModelParts {
  std::string features;           // FeatureSet::definition()
  std::string provenance = "{}";  // a JSON object; merged into the metadata
  std::optional<Forest>
      system;                  // labels are CrystalSystem numbers; specimen model: 0 none of them, 1.. phases
  ConfidenceTable confidence;  // of the system forest; empty = confidence is the share of hard votes
  std::vector<Phase> phases;   // specimen model: the candidates
  std::optional<Forest> quality;  // labels are PatternQuality numbers; same features
  // For several patterns of one crystal: reads features of their spot lists together.
  std::string merged_features;                                       // definition; empty = the model has none
  std::optional<Forest> merged_system;                               // labels are CrystalSystem numbers
  std::array<std::optional<Forest>, k_crystal_systems> space_group;  // labels are space-group numbers
  std::array<std::optional<Forest>, k_crystal_systems>
      lattice;  // outputs a, b, c (Å), alpha, beta, gamma (degrees)
};

// The feature set that `parts` names; with phases it is made of them.
Expected<std::shared_ptr<const FeatureSet>> feature_set_of(const CrystalModelParts& parts);

// Checks that features, forests and labels fit together; the features are what the parts name.
Expected<std::shared_ptr<const FeatureSet>> check_crystal_model(const CrystalModelParts& parts);
Expected<std::shared_ptr<const CrystalModel>> make_crystal_model(CrystalModelParts parts,
                                                                 std::string checksum);

Expected<void> save_crystal_model(const std::filesystem::path& file, const CrystalModelParts& parts);

struct LoadedModelParts {
  CrystalModelParts parts;
  std::string checksum;
};
Expected<LoadedModelParts> load_crystal_model_parts(const std::filesystem::path& file);
Expected<LoadedModelParts> crystal_model_parts_from_bytes(std::span<const std::byte> bytes,
                                                          const std::string& called);

}  // namespace bragglive
