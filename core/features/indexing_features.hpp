// Features that index the pattern: they do not change when it is rotated or mirrored, nor when all
// intensities are scaled.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/features/feature_set.hpp"
#include "core/features/index_spots.hpp"

namespace bragglive {

// Of the numbers that the features stand for: another one for every change of a value.
constexpr std::uint32_t k_indexing_version = 3;

struct IndexingConfig {
  double voltage_kv = 300;  // for the height of the Ewald sphere; (20, 1000]
  double sigma = 0.003;  // error of a spot's position along one axis, 1/Å; sets every tolerance; (0, 0.02]
  double q_max = 2.05;   // spots beyond are passed over, 1/Å
};

// Groups, in order: counts and lengths; pairs of equal length (index_pairs.hpp); plane lattice and symmetry
// (index_plane.hpp); cubic lattices (index_cubic.hpp); the three-dimensional lattice (index_lattice.hpp) and
// the systems it is compatible with (index_symmetry.hpp). A name begins with its group; names of the
// last two begin with "cubic" and "lattice".
class IndexingFeatures final : public FeatureSet {
 public:
  static Expected<std::shared_ptr<const IndexingFeatures>> create(const IndexingConfig& config);

  std::size_t size() const override;
  std::string definition() const override;
  std::vector<std::string> names() const override;
  std::unique_ptr<Scratch> make_scratch() const override;
  void compute(std::span<const BraggPeak> peaks, Scratch* scratch,
               std::span<float> out) const noexcept override;

 private:
  explicit IndexingFeatures(const IndexingConfig& config);
  IndexingConfig config_;
  indexing::SpotSettings settings_;
};

}  // namespace bragglive
