// The features that measure the conventional lattice lengths of a crystal system: its forest need only say by
// which factor they are off, 1 as a rule, where otherwise it would have to learn every length there is.
#pragma once
#include <array>
#include <span>
#include <string>
#include <vector>

#include "core/label/crystal_system.hpp"
#include "core/forest/forest.hpp"

namespace bragglive {

class LatticeLengths {
 public:
  // `names`: of a feature set. Systems whose features are not all there have none.
  explicit LatticeLengths(std::span<const std::string> names);

  // Distinct columns of the feature set.
  std::span<const std::uint16_t> features() const { return features_; }
  bool measured(CrystalSystem system) const { return !of(system).empty(); }
  // For the outputs a, b, c, α, β, γ, as ForestParts::scale_feature; empty when there are none.
  std::vector<std::uint16_t> scale_features(CrystalSystem system) const;
  // Divides a, b, c by the measured ones; those that are not measured (0) stay as they are. `values`: of one
  // row, in the order of features().
  void divide(CrystalSystem system, std::span<const float> values, std::array<float, 6>& lattice) const;

 private:
  std::span<const std::size_t> of(CrystalSystem system) const {
    return place_[static_cast<std::size_t>(system)];
  }
  std::vector<std::uint16_t> features_;
  std::array<std::vector<std::size_t>, k_crystal_systems> place_;  // into features_, for a, b, c
};

}  // namespace bragglive
