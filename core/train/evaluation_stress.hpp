// The parts of an evaluation that make patterns of their own: mixed ones, and ones measured badly.
#pragma once
#include <cstdint>
#include <span>

#include "core/label/crystal_model.hpp"
#include "core/train/evaluation.hpp"

namespace bragglive {

// Areas under the curve of the quality forest. On the caller's TBB arena, as the next one.
void score_quality(const CrystalModel& model, const Dataset& data, std::span<const std::uint32_t> patterns,
                   const DetectionModel& detection, const EvaluationConfig& config, Evaluation& out);
void score_stress(const CrystalModel& model, const Dataset& data, std::span<const std::uint32_t> patterns,
                  const DetectionModel& detection, const EvaluationConfig& config, Evaluation& out);

}  // namespace bragglive
