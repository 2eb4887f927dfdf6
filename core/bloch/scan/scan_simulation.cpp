#include "core/bloch/scan/scan_simulation.hpp"

#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>

#include "core/bloch/scan/grain_diffraction.hpp"

namespace bragglive {
namespace {

constexpr double k_memory_limit = 2e9;  // bytes of intensities

// Mean of exp(-D/Dc) while the dose builds up from 0 to D.
double surviving_share(double dose, double critical) {
  if (critical <= 0 || dose <= 0) return 1;
  const double x = dose / critical;
  return x < 1e-6 ? 1 - x / 2 : (1 - std::exp(-x)) / x;
}

// The farthest scattering vector that the detector can see, from anywhere in the scan.
double farthest_q(const DetectorModel& d) {
  const PixelsToQ map(d.geometry);
  const double rows = d.geometry.detector.rows, cols = d.geometry.detector.cols;
  BraggList ends{{rows, cols, 0}, {rows, -cols, 0}};
  Calibration centred = d.geometry;
  centred.origin_row = centred.origin_col = {0, 0, 0};
  PixelsToQ(centred).apply({}, ends);
  return std::max(std::hypot(ends[0].qx, ends[0].qy), std::hypot(ends[1].qx, ends[1].qy));
}

}  // namespace

struct ScanSimulation::Patterns {
  std::vector<std::optional<GrainDiffraction>> grains;
};

ScanSimulation::ScanSimulation(ScanRecipe recipe, Specimen specimen, PatternRenderer renderer)
    : recipe_(std::move(recipe)),
      specimen_(std::make_shared<const Specimen>(std::move(specimen))),
      renderer_(std::move(renderer)) {}

Expected<ScanSimulation> ScanSimulation::create(ScanRecipe recipe, unsigned threads,
                                                const Progress& progress) {
  if (auto ok = validate(recipe); !ok) return tl::unexpected(ok.error());
  auto specimen =
      Specimen::create(recipe.specimen, recipe.scan, recipe.detector.geometry.scan_step_nm, recipe.seed);
  if (!specimen) return tl::unexpected(specimen.error());
  auto renderer = PatternRenderer::create(recipe.detector, recipe.scan);
  if (!renderer) return tl::unexpected(renderer.error());
  std::vector<BlochSimulator> simulators;
  for (const ScanPhase& phase : recipe.phases) {
    auto simulator = BlochSimulator::create(phase.crystal, recipe.bloch);
    if (!simulator) return tl::unexpected(simulator.error());
    simulators.push_back(std::move(*simulator));
  }

  auto patterns = std::make_shared<Patterns>();
  const std::vector<Grain>& grains = specimen->grains();
  patterns->grains.resize(grains.size());
  const double q_max = farthest_q(recipe.detector);
  tbb::enumerable_thread_specific<BlochScratch> scratches;
  std::mutex mutex;  // guards what follows
  std::optional<Error> failure;
  std::size_t done = 0;
  double bytes = 0;
  tbb::task_arena arena(threads == 0 ? tbb::task_arena::automatic : static_cast<int>(threads));
  arena.execute([&] {
    tbb::parallel_for(std::size_t{0}, grains.size(), [&](std::size_t i) {
      {
        const std::scoped_lock lock(mutex);
        if (failure) return;
      }
      auto pattern = GrainDiffraction::create(simulators[grains[i].phase], grains[i],
                                              recipe.thickness_step_nm, q_max, scratches.local());
      const std::scoped_lock lock(mutex);
      if (!pattern) {
        failure = pattern.error();
        return;
      }
      bytes += static_cast<double>(pattern->bytes());
      if (bytes > k_memory_limit && !failure)
        failure =
            Error{ErrorArea::memory,
                  fmt::format("specimen: the intensities of {} of {} grains already take {:.1f} GB; fewer "
                              "grains, a larger thickness_step_nm or a smaller sg_max help",
                              done, grains.size(), bytes / 1e9)};
      patterns->grains[i] = std::move(*pattern);
      ++done;
      if (progress) progress(static_cast<double>(done) / static_cast<double>(grains.size()));
    });
  });
  if (failure) return tl::unexpected(*failure);
  ScanSimulation simulation(std::move(recipe), std::move(*specimen), std::move(*renderer));
  simulation.patterns_ = std::move(patterns);
  return simulation;
}

std::size_t ScanSimulation::frame_bytes() const {
  return recipe_.detector.geometry.detector.pixels() * bytes_per_pixel(recipe_.detector.pixel);
}

// The beam meets one crystal after the other; what a crystal leaves in the direct beam goes into the next.
// Diffracted beams are not diffracted again by another crystal.
ElectronBudget ScanSimulation::compose(std::uint64_t scan_index, Scratch& scratch) const {
  specimen_->at(position_of(recipe_.scan, scan_index), scratch.sections);
  const SupportFilm& film = recipe_.support;
  const double total = recipe_.electrons_per_pattern;
  const double film_elastic = 1 - std::exp(-film.thickness_nm / film.elastic_path_nm);
  double inelastic_depth = film.thickness_nm / film.inelastic_path_nm;
  for (const GrainSection& s : scratch.sections)
    inelastic_depth += s.thickness_nm / recipe_.phases[grains()[s.grain].phase].inelastic_path_nm;
  ElectronBudget budget;
  budget.diffuse.amorphous = total * film_elastic;
  budget.diffuse.inelastic = (total - budget.diffuse.amorphous) * (1 - std::exp(-inelastic_depth));
  double beam = total - budget.diffuse.amorphous - budget.diffuse.inelastic;
  scratch.spots.clear();
  scratch.truth.clear();
  for (const GrainSection& s : scratch.sections) {
    const GrainDiffraction& pattern = *patterns_->grains[s.grain];
    const auto split = pattern.split(s.thickness_nm);
    // Damaged matter scatters as an amorphous film does.
    const double alive = surviving_share(recipe_.dose, recipe_.phases[grains()[s.grain].phase].critical_dose);
    pattern.append(s.thickness_nm, beam * alive, scratch.spots);
    budget.diffracted += beam * alive * split.diffracted;
    budget.diffuse.amorphous += beam * (1 - alive) * split.diffracted;
    budget.diffuse.thermal += beam * std::max(0.0, 1 - split.direct - split.diffracted);
    scratch.truth.push_back(
        {s.grain, static_cast<float>(s.thickness_nm), static_cast<float>(beam * alive * split.diffracted)});
    beam *= split.direct;
  }
  budget.direct = beam;
  scratch.spots.push_back({0, 0, beam});
  return budget;
}

ElectronBudget ScanSimulation::expected(std::uint64_t scan_index, Scratch& scratch) const {
  const ElectronBudget budget = compose(scan_index, scratch);
  const WeightedSpots spots{scratch.spots, 1};
  renderer_.expected_counts(renderer_.origin(position_of(recipe_.scan, scan_index), recipe_.seed),
                            {{&spots, 1}, budget.diffuse}, scratch.renderer);
  return budget;
}

void ScanSimulation::frame(std::uint64_t scan_index, Scratch& scratch, std::span<std::byte> pixels) const {
  const ElectronBudget budget = compose(scan_index, scratch);
  const WeightedSpots spots{scratch.spots, 1};
  renderer_.render(position_of(recipe_.scan, scan_index), recipe_.seed, {{&spots, 1}, budget.diffuse},
                   scratch.renderer, pixels);
}

void ScanSimulation::truth(std::uint64_t scan_index, Scratch& scratch) const {
  const double diffracted = compose(scan_index, scratch).diffracted;
  for (GrainTruth& g : scratch.truth)
    g.weight = diffracted > 0 ? static_cast<float>(static_cast<double>(g.weight) / diffracted) : 0.0F;
  std::stable_sort(scratch.truth.begin(), scratch.truth.end(),
                   [](const GrainTruth& a, const GrainTruth& b) { return a.weight > b.weight; });
}

}  // namespace bragglive
