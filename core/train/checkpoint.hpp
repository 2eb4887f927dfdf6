// Forests that are finished, kept on the disk until the whole model is: a training that was killed goes on
// behind them, and their memory is free for the others.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/forest/forest.hpp"
#include "core/label/confidence_table.hpp"

namespace bragglive {

// What a forest's answers on patterns that its trees had not seen say of it.
struct OutOfBag {
  double accuracy = -1;  // -1 = not asked
  ConfidenceTable confidence;
};

struct FinishedForest {
  Forest forest;
  OutOfBag out_of_bag;
};

class Checkpoint {
 public:
  // Empty folder: nothing goes to the disk. `digest` stands for data and settings: what another run left is
  // not used.
  Checkpoint(std::filesystem::path folder, std::uint64_t digest)
      : folder_(std::move(folder)), digest_(digest) {}

  // The forest called `name`: taken from the disk if it is there and whole, else made and kept. It comes to
  // `place` at once where there is no folder, else with bring_back().
  Expected<OutOfBag> get(const std::string& name, const std::function<Expected<FinishedForest>()>& make,
                         std::optional<Forest>& place);
  Expected<void> bring_back();

 private:
  std::filesystem::path file_of(const std::string& name) const { return folder_ / (name + ".forest"); }
  std::filesystem::path folder_;
  std::uint64_t digest_;
  std::vector<std::pair<std::string, std::optional<Forest>*>> away_;
};

}  // namespace bragglive
