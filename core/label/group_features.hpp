// Several patterns of one crystal -> the numbers that a forest for groups of patterns reads.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/features/feature_set.hpp"

namespace bragglive {

class GroupFeatureSet {
 public:
  class Scratch {
   public:
    virtual ~Scratch() = default;
  };
  virtual ~GroupFeatureSet() = default;
  virtual std::size_t size() const = 0;
  virtual std::string definition() const = 0;
  virtual std::vector<std::string> names() const = 0;
  virtual std::unique_ptr<Scratch> make_scratch() const = 0;
  // `patterns` in 1/Å, at least one; `out` has size() elements, all written, all finite.
  virtual void compute(std::span<const BraggList> patterns, Scratch& scratch,
                       std::span<float> out) const noexcept = 0;
};

// "pooled KIND key=value …": mean, smallest, largest and median over the patterns of every feature of the set
// "KIND key=value …", and the number of patterns.
Expected<std::shared_ptr<const GroupFeatureSet>> make_group_feature_set(std::string_view definition);

}  // namespace bragglive
