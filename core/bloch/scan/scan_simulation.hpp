// A simulated 4D-STEM scan: any frame of it, in any order, with its ground truth.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/bloch/scan/pattern_renderer.hpp"
#include "core/bloch/scan/scan_recipe.hpp"
#include "core/bloch/scan/specimen.hpp"

namespace bragglive {

struct GrainTruth {
  std::uint32_t grain = 0;
  float thickness_nm = 0;
  float weight = 0;  // its share of the pattern's diffracted electrons
};

// What an electron ends as. Adds up to the dose; each part may hit the detector or miss it.
struct ElectronBudget {
  double direct = 0;
  double diffracted = 0;
  DiffuseShares diffuse;
};

class ScanSimulation {
 public:
  // Per-thread working memory.
  struct Scratch {
    PatternRenderer::Scratch renderer;
    std::vector<GrainSection> sections;
    BraggList spots;                       // of all crystals, direct beam included; electrons
    std::vector<std::size_t> sector_ends;  // where each direction of incidence ends in `spots`
    std::vector<WeightedSpots> parts;
    std::vector<GrainTruth> truth;
  };
  // share of the grains done, 0..1; called from several threads, one at a time
  using Progress = std::function<void(double)>;

  // Computes the dynamical intensities of every grain on `threads` threads (0 = all).
  static Expected<ScanSimulation> create(ScanRecipe recipe, unsigned threads = 0,
                                         const Progress& progress = {});

  // Counts of one position: frame_bytes() bytes. A function of the recipe and the index alone.
  void frame(std::uint64_t scan_index, Scratch& scratch, std::span<std::byte> pixels) const;
  std::size_t frame_bytes() const;
  // Mean electrons per pixel, before counting and defects: scratch.renderer.expected.
  ElectronBudget expected(std::uint64_t scan_index, Scratch& scratch) const;
  // The crystals at this position, strongest first: scratch.truth.
  void truth(std::uint64_t scan_index, Scratch& scratch) const;

  const ScanRecipe& recipe() const { return recipe_; }
  const std::vector<Grain>& grains() const { return specimen_->grains(); }
  Calibration calibration() const { return true_calibration(recipe_.detector); }

 private:
  ScanSimulation(ScanRecipe recipe, Specimen specimen, PatternRenderer renderer);
  ElectronBudget compose(std::uint64_t scan_index, Scratch& scratch) const;
  PatternContent content(const ElectronBudget& budget, Scratch& scratch) const;

  ScanRecipe recipe_;
  std::shared_ptr<const Specimen> specimen_;
  PatternRenderer renderer_;
  DiskSectors sectors_;
  struct Patterns;
  std::shared_ptr<const Patterns> patterns_;  // per grain
};

}  // namespace bragglive
