// Forests that are finished, kept on the disk until the whole model is: a training that was killed goes on
// behind them.
#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "core/forest/forest.hpp"
#include "core/label/confidence_table.hpp"

namespace bragglive {

struct FinishedForest {
  Forest forest;
  double out_of_bag = -1;
  ConfidenceTable confidence;
};

class Checkpoint {
 public:
  // Empty folder: nothing is kept. `digest` stands for data and settings: what another run left is not used.
  Checkpoint(std::filesystem::path folder, std::uint64_t digest)
      : folder_(std::move(folder)), digest_(digest) {}

  // The forest called `name`: read back if it is there and whole, else made and kept.
  Expected<FinishedForest> get(const std::string& name,
                               const std::function<Expected<FinishedForest>()>& make) const;
  void remove() const;

 private:
  std::filesystem::path folder_;
  std::uint64_t digest_;
};

}  // namespace bragglive
