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

using GrainPatterns = std::vector<std::optional<GrainDiffraction>>;

// Every grain in every direction of incidence, on `threads` threads.
Expected<GrainPatterns> compute_patterns(const ScanRecipe& recipe, const std::vector<Grain>& grains,
                                         const std::vector<BlochSimulator>& simulators,
                                         const DiskSectors& sectors, unsigned threads,
                                         const ScanSimulation::Progress& progress) {
  const double q_max = farthest_q(recipe.detector);
  const double probe =
      recipe.detector.geometry.probe_radius_px * recipe.detector.geometry.pixel_size_inv_angstrom;
  GrainPatterns patterns(grains.size() * sectors.size());
  tbb::enumerable_thread_specific<BlochScratch> scratches;
  std::mutex mutex;  // guards what follows
  std::optional<Error> failure;
  std::size_t done = 0;
  double bytes = 0;
  const auto keep = [&](std::size_t i, Expected<GrainDiffraction> pattern) {
    const std::scoped_lock lock(mutex);
    if (!pattern) {
      if (!failure) failure = pattern.error();
      return;
    }
    bytes += static_cast<double>(pattern->bytes());
    patterns[i] = std::move(*pattern);
    ++done;
    if (bytes > k_memory_limit && !failure)
      failure =
          Error{ErrorArea::memory,
                fmt::format(
                    "specimen: the intensities of {} of {} patterns already take {:.1f} GB; fewer grains or "
                    "disk_samples, a larger thickness_step_nm or a smaller sg_max help",
                    done, patterns.size(), bytes / 1e9)};
    if (progress) progress(static_cast<double>(done) / static_cast<double>(patterns.size()));
  };
  const auto failed = [&] {
    const std::scoped_lock lock(mutex);
    return failure.has_value();
  };
  tbb::task_arena arena(threads == 0 ? tbb::task_arena::automatic : static_cast<int>(threads));
  arena.execute([&] {
    tbb::parallel_for(std::size_t{0}, patterns.size(), [&](std::size_t i) {
      if (failed()) return;
      const Grain& grain = grains[i / sectors.size()];
      const auto& centre = sectors.centres()[i % sectors.size()];
      keep(i, GrainDiffraction::create(simulators[grain.phase], grain, recipe.thickness_step_nm, q_max,
                                       {probe * centre[0], probe * centre[1]}, scratches.local()));
    });
  });
  if (failure) return tl::unexpected(*failure);
  return patterns;
}

}  // namespace

struct ScanSimulation::Patterns {
  std::vector<std::optional<GrainDiffraction>> all;  // [grain][direction of incidence]
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
  const DiskSectors sectors(recipe.disk_samples);
  auto renderer = PatternRenderer::create(recipe.detector, recipe.scan, sectors);
  if (!renderer) return tl::unexpected(renderer.error());
  std::vector<BlochSimulator> simulators;
  for (const ScanPhase& phase : recipe.phases) {
    auto simulator = BlochSimulator::create(phase.crystal, recipe.bloch);
    if (!simulator) return tl::unexpected(simulator.error());
    simulators.push_back(std::move(*simulator));
  }

  auto patterns = compute_patterns(recipe, specimen->grains(), simulators, sectors, threads, progress);
  if (!patterns) return tl::unexpected(patterns.error());
  ScanSimulation simulation(std::move(recipe), std::move(*specimen), std::move(*renderer));
  simulation.sectors_ = sectors;
  simulation.patterns_ = std::make_shared<const Patterns>(Patterns{std::move(*patterns)});
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
  const double coherent = total - budget.diffuse.amorphous - budget.diffuse.inelastic;
  scratch.spots.clear();
  scratch.sector_ends.clear();
  scratch.truth.clear();
  for (const GrainSection& s : scratch.sections)
    scratch.truth.push_back({s.grain, static_cast<float>(s.thickness_nm), 0.0F});
  for (std::size_t k = 0; k < sectors_.size(); ++k) {
    // A direction's spots carry the whole beam: its part of the disk is in the stamp. Its electrons are its
    // share of that.
    const double share = sectors_.shares()[k];
    double beam = coherent;
    for (std::size_t i = 0; i < scratch.sections.size(); ++i) {
      const GrainSection& s = scratch.sections[i];
      const GrainDiffraction& pattern = *patterns_->all[s.grain * sectors_.size() + k];
      const auto split = pattern.split(s.thickness_nm);
      // Damaged matter scatters as an amorphous film does.
      const double alive =
          surviving_share(recipe_.dose, recipe_.phases[grains()[s.grain].phase].critical_dose);
      pattern.append(s.thickness_nm, beam * alive, scratch.spots);
      budget.diffracted += share * beam * alive * split.diffracted;
      budget.diffuse.amorphous += share * beam * (1 - alive) * split.diffracted;
      budget.diffuse.thermal += share * beam * std::max(0.0, 1 - split.direct - split.diffracted);
      scratch.truth[i].weight += static_cast<float>(share * beam * alive * split.diffracted);
      beam *= split.direct;
    }
    budget.direct += share * beam;
    scratch.spots.push_back({0, 0, beam});
    scratch.sector_ends.push_back(scratch.spots.size());
  }
  return budget;
}

PatternContent ScanSimulation::content(const ElectronBudget& budget, Scratch& scratch) const {
  scratch.parts.clear();
  std::size_t begin = 0;
  for (std::size_t k = 0; k < scratch.sector_ends.size(); ++k) {
    const std::size_t end = scratch.sector_ends[k];
    scratch.parts.push_back(
        {std::span(scratch.spots).subspan(begin, end - begin), 1.0, static_cast<std::uint32_t>(k)});
    begin = end;
  }
  return {scratch.parts, budget.diffuse};
}

ElectronBudget ScanSimulation::expected(std::uint64_t scan_index, Scratch& scratch) const {
  const ElectronBudget budget = compose(scan_index, scratch);
  renderer_.expected_counts(renderer_.origin(position_of(recipe_.scan, scan_index), recipe_.seed),
                            content(budget, scratch), scratch.renderer);
  return budget;
}

void ScanSimulation::frame(std::uint64_t scan_index, Scratch& scratch, std::span<std::byte> pixels) const {
  const ElectronBudget budget = compose(scan_index, scratch);
  renderer_.render(position_of(recipe_.scan, scan_index), recipe_.seed, content(budget, scratch),
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
