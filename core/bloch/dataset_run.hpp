// Makes a data set: crystals -> patterns -> HDF5, in parallel, resumable at any moment.
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>

#include "core/bloch/dataset_file.hpp"
#include "core/bloch/dataset_settings.hpp"
#include "core/crystal/crystal_list.hpp"

namespace bragglive {

struct DatasetRun {
  DatasetSettings settings;
  std::filesystem::path out;
  std::string program_version;
  int threads = 1;
  // Several processes on one set (MPI ranks): this one makes the parts rank, rank + ranks, …; rank 0 waits
  // for the others and puts the set together.
  int rank = 0, ranks = 1;
  bool restart = false;  // discard the parts of an earlier run with other settings
  // Patterns of this run, without those that an earlier one left; called after every material, one call at a
  // time.
  std::function<void(std::uint64_t patterns_done, std::uint64_t patterns_total)> progress;
  const std::atomic<bool>* stop = nullptr;  // set: leave after the materials in work; finished parts stay
};

struct DatasetResult {
  DatasetSummary summary;            // of the finished set (rank 0)
  std::vector<std::string> skipped;  // materials that could not be used, with the reason
  bool finished = false;             // false: stopped, or another rank puts it together
  bool was_complete = false;         // the set was already there
};

// Work is cut into parts of a few materials; every finished part is a file in <out>.parts. A run that was
// killed and is started again with the same settings, crystals and program version continues behind the parts
// that are there. The contents depend on the settings and the crystals only, not on threads, ranks or
// interruptions.
Expected<DatasetResult> run_dataset(const CrystalList& crystals, const DatasetRun& run);

}  // namespace bragglive
