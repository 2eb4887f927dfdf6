// Bragg list -> the numbers a forest reads. One interface for every kind; live, replay, training and tests
// call the same code.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/detect/bragg_list.hpp"
#include "core/frame/error.hpp"

namespace bragglive {

class FeatureSet {
 public:
  // Per-thread working memory, made by the feature set that uses it.
  class Scratch {
   public:
    virtual ~Scratch() = default;
  };

  virtual ~FeatureSet() = default;
  virtual std::size_t size() const = 0;
  // Parameters in one line of text, e.g. "polar dq=0.05 m=41 p=13 direct=origin"; the model file stores it
  // and its hash.
  virtual std::string definition() const = 0;
  // Names for reports and ablation, one per feature.
  virtual std::vector<std::string> names() const = 0;
  virtual std::unique_ptr<Scratch> make_scratch() const { return nullptr; }
  // `peaks` in 1/Å, direct beam included if it was seen; `out` has size() elements, all of them written, all
  // finite. Re-entrant; allocation-free after the scratch is warm.
  virtual void compute(std::span<const BraggPeak> peaks, Scratch* scratch,
                       std::span<float> out) const noexcept = 0;
};

// Rebuilds a feature set from the text of definition(); fails on a kind or a parameter that this version does
// not know.
Expected<std::shared_ptr<const FeatureSet>> make_feature_set(std::string_view definition);

}  // namespace bragglive
