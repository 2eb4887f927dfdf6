// The hierarchy that labels a pattern: one crystal-system forest, then the space-group and lattice forests of the system it names.
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/features/feature_set.hpp"
#include "core/frame/error.hpp"
#include "core/label/pattern_label.hpp"

namespace bragglive {

class CrystalModel {
 public:
  // Per-thread working memory for predict().
  class Scratch {
   public:
    virtual ~Scratch() = default;
  };

  virtual ~CrystalModel() = default;
  virtual const FeatureSet& features() const = 0;
  virtual std::unique_ptr<Scratch> make_scratch() const = 0;
  // `features`: row-major (labels.size(), features().size()). Writes one label per row. Allocation-free after warm-up.
  virtual void predict(std::span<const float> features, Scratch& scratch, std::span<PatternLabel> labels) const noexcept = 0;

  // A specimen model's answers: [0] "none of these", then the candidates; empty for a model of crystal systems.
  virtual std::span<const std::string> phase_names() const { return {}; }

  // Who made it, from what, with which scores: the JSON text of the model file.
  virtual const std::string& provenance_json() const = 0;
  virtual const std::string& checksum() const = 0;  // 16 hexadecimal digits over the file's bytes
};

// Reads and validates the whole file (magic, version, sizes, checksums, every node) before first use.
Expected<std::shared_ptr<const CrystalModel>> load_crystal_model(const std::filesystem::path& file);

}  // namespace bragglive
