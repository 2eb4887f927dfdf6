// Rows of features: one pattern each, with its own measurement noise.
#pragma once
#include <cstdint>

#include "core/label/group_features.hpp"
#include "core/train/dataset.hpp"
#include "core/train/detection_model.hpp"
#include "core/train/feature_table.hpp"

namespace bragglive {

// row = copy * patterns.size() + index into `patterns`
class PatternRows final : public RowSource {
 public:
  PatternRows(const Dataset& data, std::span<const std::uint32_t> patterns, const FeatureSet& features,
              const DetectionModel& detection, std::uint32_t copies, std::uint32_t min_disks,
              std::uint64_t seed)
      : data_(data),
        patterns_(patterns),
        features_(features),
        detection_(detection),
        copies_(copies),
        min_disks_(min_disks),
        seed_(seed) {}

  std::size_t rows() const override { return patterns_.size() * copies_; }
  std::size_t width() const override { return features_.size(); }
  std::unique_ptr<Scratch> make_scratch() const override;
  bool compute(std::size_t row, Scratch& scratch, std::span<float> out) const override;

 private:
  const Dataset& data_;
  std::span<const std::uint32_t> patterns_;
  const FeatureSet& features_;
  const DetectionModel& detection_;
  std::uint32_t copies_, min_disks_;
  std::uint64_t seed_;
};

// Groups of 2 to 12 patterns of one material: row r is a random group of the material groups[r %
// groups.size()].
class GroupRows final : public RowSource {
 public:
  // `groups`: the patterns of each material, two or more.
  GroupRows(const Dataset& data, std::span<const std::vector<std::uint32_t>> groups,
            const GroupFeatureSet& features, const DetectionModel& detection, std::uint32_t copies,
            std::uint32_t min_disks, std::uint64_t seed)
      : data_(data),
        groups_(groups),
        features_(features),
        detection_(detection),
        copies_(copies),
        min_disks_(min_disks),
        seed_(seed) {}

  std::size_t rows() const override { return groups_.size() * copies_; }
  std::size_t width() const override { return features_.size(); }
  std::unique_ptr<Scratch> make_scratch() const override;
  bool compute(std::size_t row, Scratch& scratch, std::span<float> out) const override;

 private:
  const Dataset& data_;
  std::span<const std::vector<std::uint32_t>> groups_;
  const GroupFeatureSet& features_;
  const DetectionModel& detection_;
  std::uint32_t copies_, min_disks_;
  std::uint64_t seed_;
};

}  // namespace bragglive
