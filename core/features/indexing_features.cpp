#include "core/features/indexing_features.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/features/definition.hpp"
#include "core/features/index_cubic.hpp"
#include "core/features/index_pairs.hpp"
#include "core/features/index_plane.hpp"
#include "core/features/index_symmetry.hpp"

namespace bragglive {
namespace {

using namespace indexing;

struct IndexingScratch final : FeatureSet::Scratch {
  SpotList list;
  PairFeatures pairs;
  PlaneFeatures plane;
};

// One list of (pattern of the name, what stands in it, value) serves both names() and compute(), so that they
// cannot drift apart.
template <class Put>
void put_counts(const SpotList& list, Put&& put) {
  constexpr std::size_t k_shortest = 8;
  put("spots", 0, static_cast<float>(list.seen));
  put("lines", 0, static_cast<float>(list.line_count));
  put("spots per line", 0,
      list.line_count > 0 ? static_cast<float>(list.size) / static_cast<float>(list.line_count) : 0);
  float longest = 0, mean = 0, top = 0, square_sum = 0, weighted = 0;
  for (std::size_t i = 0; i < list.size; ++i) {
    const Spot& spot = list.spots[i];
    longest = std::max(longest, spot.q);
    mean += spot.q / static_cast<float>(list.size);
    weighted += spot.q * spot.intensity;
    square_sum += spot.intensity * spot.intensity;
    if (i < 3) top += spot.intensity;
  }
  put("longest q", 0, longest);
  put("mean q", 0, mean);
  put("mean q by intensity", 0, weighted);
  put("share of the three strongest", 0, top);
  put("spots that carry the intensity", 0, square_sum > 0 ? 1 / square_sum : 0);
  put("q of the strongest", 0, list.size > 0 ? list.spots[0].q : 0);
  put("spots per area", 0, longest > 0 ? static_cast<float>(list.size) / (longest * longest) : 0);
  for (std::size_t i = 0; i < k_shortest; ++i) {
    const float q = i < list.line_count ? std::sqrt(list.lines[i].square) : 0;
    put("line {}", i, q);
    if (i > 0) put("line {} / line 0, squared", i, q > 0 ? list.lines[i].square / list.lines[0].square : 0);
  }
}

template <class Put>
void put_pairs(const PairFeatures& pairs, Put&& put) {
  put("equal pairs per spot", 0, pairs.equal_per_spot);
  put("equal pairs above chance", 0, pairs.equal_excess);
  put("opposite spots", 0, pairs.friedel_share);
  put("intensity ratio of opposite spots", 0, pairs.friedel_ratio);
  put("intensity ratio of equal pairs", 0, pairs.equal_ratio);
  put("right angles above chance", 0, pairs.right_angle_excess);
  put("equal pairs at 60", 0, pairs.sixty_share);
  put("equal pairs at 90", 0, pairs.ninety_share);
}

template <class Put>
void put_plane(const PlaneFeatures& plane, Put&& put) {
  put("plane a", 0, plane.a);
  put("plane b", 0, plane.b);
  put("plane angle", 0, plane.angle);
  put("plane b/a", 0, plane.ratio);
  put("plane area", 0, plane.area);
  put("plane share", 0, plane.share);
  put("plane merit", 0, plane.merit);
  put("two-fold", 0, plane.two_fold);
  put("three-fold", 0, plane.three_fold);
  put("four-fold", 0, plane.four_fold);
  put("six-fold", 0, plane.six_fold);
  put("mirror", 0, plane.mirror);
  put("second mirror", 0, plane.second_mirror);
  put("two-fold intensities", 0, plane.two_fold_ratio);
  put("three-fold intensities", 0, plane.three_fold_ratio);
  put("four-fold intensities", 0, plane.four_fold_ratio);
  put("six-fold intensities", 0, plane.six_fold_ratio);
  put("mirror intensities", 0, plane.mirror_ratio);
}

float cubic_axis(const CubicMatch& match) {
  return match.parameter > 0 ? 1 / std::sqrt(match.parameter) : 0.0F;
}

template <class Put>
void put_cubic(const CubicMatches& found, Put&& put) {
  put("cubic merit", 0, found.best.merit);
  put("cubic share", 0, found.best.share);
  put("cubic chance", 0, found.best.chance);
  put("cubic residual", 0, found.best.residual);
  put("cubic products", 0, found.best.products);
  put("cubic second merit", 0, found.second.merit);
  put("cubic second products", 0, found.second.products);
  put("cubic a", 0, cubic_axis(found.best));
  put("cubic second a", 0, cubic_axis(found.second));
}

constexpr std::array<const char*, k_lattice_systems> k_system_names = {
    "monoclinic", "orthorhombic", "rhombohedral", "tetragonal", "hexagonal", "cubic"};

// Lengths of a system's conventional cell as well as they are known: where no axes of the system were found,
// those of the lattice all the same, so that a forest finds a scale in every pattern.
SystemFit with_lengths(const SymmetryFit& symmetry, LatticeSystem system, double cubic_length) {
  SystemFit out = symmetry.of(system);
  if (out.chi2 < k_incompatible) return out;
  const SystemFit& hexagonal = symmetry.of(LatticeSystem::hexagonal);
  if (system == LatticeSystem::rhombohedral && hexagonal.chi2 < k_incompatible) {
    out.a = hexagonal.a, out.c = hexagonal.c;
    return out;
  }
  const double edge = symmetry.volume > 0 ? std::cbrt(symmetry.volume) : 0;
  out.a = system == LatticeSystem::cubic && cubic_length > 0 ? cubic_length : edge > 0 ? edge : cubic_length;
  out.c = out.a;
  if (system == LatticeSystem::monoclinic || system == LatticeSystem::orthorhombic) out.b = out.a;
  return out;
}

template <class Put>
void put_lattice(const LatticeFit& fit, const SymmetryFit& symmetry, double cubic_length, Put&& put) {
  const auto number = [](double value) { return static_cast<float>(value); };
  put("lattice merit", 0, number(fit.merit));
  put("lattice share", 0,
      fit.spots > 0 ? static_cast<float>(fit.indexed) / static_cast<float>(fit.spots) : 0);
  put("lattice chance", 0, number(fit.chance));
  put("lattice error", 0, number(fit.error_xy));
  put("lattice height error", 0, number(fit.error_z));
  put("lattice volume", 0, number(symmetry.volume));
  put("lattice volume error", 0, number(symmetry.volume_error));
  put("lattice two-folds", 0, number(symmetry.two_folds));
  for (std::size_t i = 0; i < 3; ++i) put("lattice length {}", i, number(symmetry.length[i]));
  for (std::size_t i = 0; i < 3; ++i) put("lattice cosine {}", i, number(symmetry.cosine[i]));
  for (std::size_t i = 0; i < k_lattice_systems; ++i) {
    const SystemFit system = with_lengths(symmetry, static_cast<LatticeSystem>(i), cubic_length);
    const char* const name = k_system_names[i];
    put("lattice {} chi2", name, number(system.chi2));
    put("lattice {} second chi2", name, number(system.second));
    put("lattice {} stretch", name, number(system.stretch));
    put("lattice {} a", name, number(system.a));
    put("lattice {} b", name, number(system.b));
    put("lattice {} c", name, number(system.c));
    put("lattice {} multiple", name, number(system.multiple));
  }
  // What a system of higher symmetry costs over the one below it.
  const auto step = [&](LatticeSystem high, LatticeSystem low) {
    return number(symmetry.of(high).chi2 - symmetry.of(low).chi2);
  };
  put("lattice orthorhombic over monoclinic", 0,
      step(LatticeSystem::orthorhombic, LatticeSystem::monoclinic));
  put("lattice tetragonal over orthorhombic", 0,
      step(LatticeSystem::tetragonal, LatticeSystem::orthorhombic));
  put("lattice hexagonal over orthorhombic", 0, step(LatticeSystem::hexagonal, LatticeSystem::orthorhombic));
  put("lattice hexagonal over rhombohedral", 0, step(LatticeSystem::hexagonal, LatticeSystem::rhombohedral));
  put("lattice cubic over tetragonal", 0, step(LatticeSystem::cubic, LatticeSystem::tetragonal));
}

}  // namespace

Expected<std::shared_ptr<const IndexingFeatures>> IndexingFeatures::create(const IndexingConfig& config) {
  if (!(config.voltage_kv > 20 && config.voltage_kv <= 1000))
    return fail(ErrorArea::usage, "indexing features: kv={} must lie in (20, 1000]", config.voltage_kv);
  if (!(config.sigma > 0 && config.sigma <= 0.02))
    return fail(ErrorArea::usage, "indexing features: sigma={} must lie in (0, 0.02] 1/Å", config.sigma);
  if (!(config.q_max > 0.2 && config.q_max <= 2.05))
    return fail(ErrorArea::usage, "indexing features: qmax={} must lie in (0.2, 2.05] 1/Å", config.q_max);
  return std::shared_ptr<const IndexingFeatures>(
      new IndexingFeatures(config));  // constructor is private: no make_shared
}

IndexingFeatures::IndexingFeatures(const IndexingConfig& config) : config_(config) {
  settings_.wavelength = wavelength_of(config.voltage_kv);
  settings_.sigma = config.sigma;
  settings_.q_max = config.q_max;
}

std::string IndexingFeatures::definition() const {
  return fmt::format("indexing v={} kv={} sigma={} qmax={}", k_indexing_version,
                     number_text(config_.voltage_kv), number_text(config_.sigma), number_text(config_.q_max));
}

std::unique_ptr<FeatureSet::Scratch> IndexingFeatures::make_scratch() const {
  return std::make_unique<IndexingScratch>();
}

namespace {

struct CountingPut {
  std::vector<std::string>& names;
  template <class Argument>
  void operator()(const char* pattern, const Argument& argument, float) const {
    names.push_back(fmt::format(fmt::runtime(pattern), argument));
  }
};

}  // namespace

std::vector<std::string> IndexingFeatures::names() const {
  std::vector<std::string> names;
  const CountingPut put{names};
  put_counts(SpotList{}, put);
  put_pairs({}, put);
  put_plane({}, put);
  put_cubic({}, put);
  put_lattice({}, {}, 0, put);
  return names;
}

std::size_t IndexingFeatures::size() const {
  static const std::size_t size = names().size();
  return size;
}

void IndexingFeatures::compute(std::span<const BraggPeak> peaks, Scratch* scratch,
                               std::span<float> out) const noexcept {
  auto& work = static_cast<IndexingScratch&>(*scratch);
  prepare_spots(peaks, settings_, work.list);
  describe_pairs(work.list, config_.sigma, work.pairs);
  describe_plane(work.list, config_.sigma, work.plane);
  std::size_t at = 0;
  const auto put = [&](const char*, const auto&, float value) {
    out[at++] = std::isfinite(value) ? value : 0.0F;
  };
  put_counts(work.list, put);
  put_pairs(work.pairs, put);
  put_plane(work.plane, put);
  const CubicMatches cubic = search_cubic(work.list, config_.sigma);
  put_cubic(cubic, put);
  const LatticeFit fit = fit_lattice(work.list, config_.sigma);
  put_lattice(fit, fit_symmetry(fit, config_.sigma), double{cubic_axis(cubic.best)}, put);
}

}  // namespace bragglive
