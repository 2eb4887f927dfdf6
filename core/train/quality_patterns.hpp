// Patterns that are not of one crystal: two overlapping grains, many grains, and spots that no crystal makes.
// The quality forest learns to tell them from single patterns.
#pragma once
#include <cstdint>
#include <span>

#include "core/label/confidence_table.hpp"
#include "core/train/dataset.hpp"
#include "core/train/detection_model.hpp"
#include "core/train/feature_table.hpp"

namespace bragglive {

// single: one pattern as it is. mixed: two patterns of the list (often of one material), the weaker grain
// with 20 to 50 % of the beam. unlike: random spots, or five to twelve grains together. `patterns`: rows of
// the data to draw from, not empty. Noise is applied to the result.
void make_quality_pattern(const Dataset& data, std::span<const std::uint32_t> patterns, PatternQuality kind,
                          const DetectionModel& detection, CounterRandom& random, BraggList& out);

// Single, mixed and unlike patterns in turn: the kind of row r is r % 3.
class QualityRows final : public RowSource {
 public:
  QualityRows(const Dataset& data, std::span<const std::uint32_t> patterns, const FeatureSet& features,
              const DetectionModel& detection, std::size_t rows, std::uint32_t min_disks, std::uint64_t seed);

  std::size_t rows() const override { return rows_; }
  std::size_t width() const override { return features_.size(); }
  std::unique_ptr<Scratch> make_scratch() const override;
  bool compute(std::size_t row, Scratch& scratch, std::span<float> out) const override;
  static PatternQuality kind_of(std::size_t row) { return static_cast<PatternQuality>(row % 3); }

 private:
  const Dataset& data_;
  std::span<const std::uint32_t> patterns_;
  const FeatureSet& features_;
  const DetectionModel& detection_;
  std::size_t rows_;
  std::uint32_t min_disks_;
  std::uint64_t seed_;
};

// Area under the curve of true against false positives; 0.5 = no better than chance, NaN without both kinds.
double area_under_curve(std::span<const float> of_positive, std::span<const float> of_negative);

}  // namespace bragglive
