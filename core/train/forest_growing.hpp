// What growing any kind of forest has in common.
#pragma once
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "core/train/forest_trainer.hpp"
#include "core/train/tree_builder.hpp"

namespace bragglive::detail {

// The samples of one tree: `groups` as in ClassTargets.
std::vector<Sample> draw_samples(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> groups,
                                 bool bootstrap, Random& random);

std::uint64_t seed_of_tree(std::uint64_t seed, std::size_t tree);

Expected<void> check_training(const BinnedTable& table, std::span<const std::uint32_t> rows,
                              const ForestConfig& config);

Expected<void> check_fits(const std::vector<ForestNode>& nodes);

// Runs make(tree) for every tree on config.threads threads.
template <class Make>
void for_each_tree(const ForestConfig& config, Make make) {
  tbb::task_arena arena(config.threads == 0 ? tbb::task_arena::automatic : static_cast<int>(config.threads));
  std::atomic<std::uint32_t> done{0};
  arena.execute([&] {
    tbb::parallel_for(std::size_t{0}, std::size_t{config.trees}, [&](std::size_t tree) {
      make(tree);
      const std::uint32_t now = done.fetch_add(1) + 1;
      if (config.progress) config.progress(now);
    });
  });
}

}  // namespace bragglive::detail
