// Features of a specimen model: how well each candidate phase explains the pattern, and how it compares with
// the others.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/features/feature_set.hpp"
#include "core/phases/phase_matcher.hpp"

namespace bragglive {

// Unchanged under rotation and mirror (a mirrored pattern is one of the same crystal turned over) and under
// scaling of all intensities. Definition: "phases v=1 kv=300 sigma=0.003 stretch=0.02 table=HEX", table =
// CRC-32 of the phases' bytes: the phases themselves stand in a section of the model file.
class PhaseFeatures final : public FeatureSet {
 public:
  static constexpr std::size_t k_per_phase = 10, k_common = 4;

  // An empty definition: the defaults. Fails when it names other phases, another kind or version.
  static Expected<std::shared_ptr<const PhaseFeatures>> create(std::vector<Phase> phases,
                                                               std::string_view definition = {});

  std::size_t size() const override { return matchers_.size() * k_per_phase + k_common; }
  std::string definition() const override;
  std::vector<std::string> names() const override;
  void compute(std::span<const BraggPeak> peaks, Scratch* scratch,
               std::span<float> out) const noexcept override;

  std::span<const Phase> phases() const { return phases_; }

 private:
  PhaseFeatures(std::vector<Phase> phases, const MatchSettings& settings, double voltage_kv);
  std::vector<Phase> phases_;
  std::vector<PhaseMatcher> matchers_;
  MatchSettings settings_;
  double voltage_kv_ = 300;
  std::uint32_t table_ = 0;
};

}  // namespace bragglive
