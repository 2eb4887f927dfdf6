// The features of every pattern of a data set, as a detector would deliver it, cut into bins for the trainer.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/features/feature_set.hpp"
#include "core/train/binned_table.hpp"

namespace bragglive {

// Where rows come from: patterns and their copies, pairs of patterns, groups of them.
class RowSource {
 public:
  class Scratch {
   public:
    virtual ~Scratch() = default;
  };
  virtual ~RowSource() = default;
  virtual std::size_t rows() const = 0;
  virtual std::size_t width() const = 0;
  virtual std::unique_ptr<Scratch> make_scratch() const = 0;
  // Writes all width() values; false: the row cannot be used (too few disks), `out` is zero. Re-entrant.
  virtual bool compute(std::size_t row, Scratch& scratch, std::span<float> out) const = 0;
};

struct FeatureTable {
  BinnedTable table;
  std::vector<std::uint8_t> usable;  // per row
  std::vector<float> kept;           // (rows, kept features): the values of the features that were asked for
};

// `kept_features`: columns whose values the caller needs as they are. Runs on the caller's TBB arena.
// `progress`: rows done, rows in all; from any thread. Fails when no row is usable.
Expected<FeatureTable> make_feature_table(const RowSource& source,
                                          std::span<const std::uint16_t> kept_features,
                                          const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace bragglive
