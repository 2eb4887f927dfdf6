#include "core/bloch/scan/specimen.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/bloch/scan/counter_random.hpp"

namespace bragglive {
namespace {

constexpr double k_degree = std::numbers::pi / 180;
constexpr double k_min_section_nm = 0.2;  // thinner slices diffract next to nothing
constexpr std::uint32_t k_max_grains = 20000;

// Uniform over all rotations (Shoemake, Graphics Gems III, 1992).
Eigen::Matrix3d random_rotation(CounterRandom& random) {
  const double u = random.uniform(), a = random.uniform(0, 2 * std::numbers::pi),
               b = random.uniform(0, 2 * std::numbers::pi);
  const double p = std::sqrt(1 - u), q = std::sqrt(u);
  return Eigen::Quaterniond(q * std::cos(b), p * std::sin(a), p * std::cos(a), q * std::sin(b))
      .toRotationMatrix();
}

Eigen::Matrix3d draw_rotation(const GrainOrientations& o, CounterRandom& random) {
  if (o.kind == GrainOrientations::Kind::random) return random_rotation(random);
  const Eigen::Matrix3d to_beam =
      Eigen::Quaterniond::FromTwoVectors(o.axis, Eigen::Vector3d::UnitZ()).toRotationMatrix();
  if (o.kind == GrainOrientations::Kind::fixed)
    return Eigen::AngleAxisd(o.in_plane_deg * k_degree, Eigen::Vector3d::UnitZ()) * to_beam;
  const double tilt = o.spread_deg * k_degree * random.normal(),
               direction = random.uniform(0, std::numbers::pi);
  const double spin = random.uniform(0, 2 * std::numbers::pi);
  return Eigen::AngleAxisd(tilt, Eigen::Vector3d(std::cos(direction), std::sin(direction), 0)) *
         Eigen::AngleAxisd(spin, Eigen::Vector3d::UnitZ()) * to_beam;
}

Expected<void> check(const char* name, double value, double low, double high) {
  if (value >= low && value <= high) return {};
  return fail(ErrorArea::usage, "specimen: {} is {}, must lie between {} and {}", name, value, low, high);
}

Expected<void> check(const GrainOrientations& o) {
  if (!(o.axis.norm() > 1e-6)) return fail(ErrorArea::usage, "specimen: orientation axis has no length");
  return check("orientation spread_deg", o.spread_deg, 0, 90);
}

}  // namespace

Expected<Specimen> Specimen::create(const SpecimenSettings& settings, ScanShape scan, double step_nm,
                                    std::uint64_t seed) {
  Specimen specimen;
  specimen.scan_ = scan;
  specimen.step_nm_ = step_nm;
  if (auto ok = check("step_nm", step_nm, 1e-3, 1e4); !ok) return tl::unexpected(ok.error());
  std::uint64_t part = 0;
  for (const ParticleSettings& particles : settings.particles) {
    CounterRandom random(random_key(seed, 10, part++));
    if (auto ok = specimen.add_particles(particles, random); !ok) return tl::unexpected(ok.error());
  }
  for (const PolycrystalSettings& film : settings.polycrystals) {
    CounterRandom random(random_key(seed, 11, part++));
    if (auto ok = specimen.add_film(film, random); !ok) return tl::unexpected(ok.error());
  }
  std::stable_sort(specimen.particles_.begin(), specimen.particles_.end(),
                   [](const Particle& a, const Particle& b) { return a.height > b.height; });
  return specimen;
}

Expected<void> Specimen::add_particles(const ParticleSettings& p, CounterRandom& random) {
  for (const auto& ok : {check("particles: diameter_nm", p.diameter_nm, 1, 1e4),
                         check("particles: diameter_sigma_nm", p.diameter_sigma_nm, 0, p.diameter_nm),
                         check("particles: flattening", p.flattening, 0.05, 4),
                         check("particles: twin_share", p.twin_share, 0, 1),
                         check("particles: overlap_share", p.overlap_share, 0, 1),
                         check("particles: count", p.count, 1, k_max_grains), check(p.orientation)})
    if (!ok) return ok;
  const double rows_nm = scan_.rows * step_nm_, cols_nm = scan_.cols * step_nm_;
  for (std::uint32_t i = 0; i < p.count; ++i) {
    Particle particle;
    particle.radius =
        std::max(1.0, p.diameter_nm + p.diameter_sigma_nm * std::clamp(random.normal(), -2.5, 2.5)) / 2;
    particle.flattening = p.flattening;
    const bool may_overlap = random.uniform() < p.overlap_share;
    const auto clear = [&] {
      return std::none_of(particles_.begin(), particles_.end(), [&](const Particle& other) {
        return std::hypot(other.row - particle.row, other.col - particle.col) <
               other.radius + particle.radius;
      });
    };
    bool placed = false;
    for (int attempt = 0; attempt < 2000 && !placed; ++attempt) {
      particle.row = random.uniform(0, rows_nm);
      particle.col = random.uniform(0, cols_nm);
      placed = may_overlap || clear();
    }
    if (!placed)
      return fail(ErrorArea::usage,
                  "specimen: no room for particle {} of {} beside the others; fewer or smaller particles or "
                  "a larger overlap_share help",
                  i + 1, p.count);
    particle.height = random.uniform();
    particle.grain = static_cast<std::uint32_t>(grains_.size());
    particle.twinned = random.uniform() < p.twin_share;
    Grain grain{p.phase, draw_rotation(p.orientation, random), 2 * particle.radius * p.flattening};
    grains_.push_back(grain);
    if (particle.twinned) {
      const Eigen::Vector3d axis = p.twin_axis.normalized();
      particle.twin_normal = grain.rotation * axis;  // the composition plane is normal to the twin axis
      grain.rotation = grain.rotation * Eigen::AngleAxisd(std::numbers::pi, axis).toRotationMatrix();
      grains_.push_back(grain);
    }
    particles_.push_back(particle);
  }
  return {};
}

double Specimen::film_thickness(const PolycrystalSettings& film, double row, double col) const {
  return film.thickness_nm + film.wedge[0] * (row - scan_.rows * step_nm_ / 2) +
         film.wedge[1] * (col - scan_.cols * step_nm_ / 2);
}

Expected<void> Specimen::add_film(const PolycrystalSettings& p, CounterRandom& random) {
  for (const auto& ok :
       {check("polycrystal: grains", p.grains, 1, k_max_grains),
        check("polycrystal: thickness_nm", p.thickness_nm, 0.5, 1000),
        check("polycrystal: wedge along rows", p.wedge[0], -10, 10),
        check("polycrystal: wedge along columns", p.wedge[1], -10, 10), check(p.orientation)})
    if (!ok) return ok;
  double total = 0;
  for (const auto& phase : p.phases) {
    if (!(phase.share >= 0))
      return fail(ErrorArea::usage, "specimen: polycrystal: a phase's share is negative");
    total += phase.share;
  }
  if (!(total > 0)) return fail(ErrorArea::usage, "specimen: polycrystal: no phase has a share");
  const double rows_nm = scan_.rows * step_nm_, cols_nm = scan_.cols * step_nm_;
  double thickest = 0;
  for (double row : {0.0, rows_nm})
    for (double col : {0.0, cols_nm}) thickest = std::max(thickest, film_thickness(p, row, col));
  if (thickest > 1000)
    return fail(ErrorArea::usage, "specimen: polycrystal: the wedge grows to {:.0f} nm; 1000 nm at most",
                thickest);
  Film film{p, static_cast<std::uint32_t>(grains_.size()), {}};
  for (std::uint32_t i = 0; i < p.grains; ++i) {
    const double row = random.uniform(0, rows_nm), col = random.uniform(0, cols_nm);
    film.seeds.emplace_back(row, col, p.columnar ? 0.0 : random.uniform(0, thickest));
    double pick = random.uniform() * total;
    std::uint32_t phase = p.phases.back().phase;
    for (const auto& share : p.phases)
      if ((pick -= share.share) <= 0) {
        phase = share.phase;
        break;
      }
    grains_.push_back({phase, draw_rotation(p.orientation, random), thickest});
  }
  films_.push_back(std::move(film));
  return {};
}

void Specimen::at(ScanPosition position, std::vector<GrainSection>& sections) const {
  sections.clear();
  const double row = (position.row + 0.5) * step_nm_, col = (position.col + 0.5) * step_nm_;
  for (const Particle& particle : particles_) through_particle(particle, row, col, sections);
  for (const Film& film : films_) through_film(film, row, col, sections);
}

void Specimen::through_particle(const Particle& p, double row, double col,
                                std::vector<GrainSection>& sections) const {
  const double x = row - p.row, y = col - p.col, squared = p.radius * p.radius - x * x - y * y;
  if (squared <= 0) return;
  const double half = p.flattening * std::sqrt(squared);
  const auto add = [&](std::uint32_t grain, double thickness) {
    if (thickness >= k_min_section_nm) sections.push_back({grain, thickness});
  };
  if (!p.twinned) return add(p.grain, 2 * half);
  // The contact plane n·r = 0 cuts the beam's path at z; the side that n points to is the first crystal.
  const Eigen::Vector3d& n = p.twin_normal;
  const double in_plane = n.x() * x + n.y() * y;
  if (std::abs(n.z()) < 1e-6) return add(in_plane > 0 ? p.grain : p.grain + 1, 2 * half);
  const double cut = std::clamp(-in_plane / n.z(), -half, half);
  const std::uint32_t upper = n.z() > 0 ? p.grain : p.grain + 1, lower = n.z() > 0 ? p.grain + 1 : p.grain;
  add(upper, half - cut);
  add(lower, cut + half);
}

void Specimen::through_film(const Film& film, double row, double col,
                            std::vector<GrainSection>& sections) const {
  const double thickness = film_thickness(film.settings, row, col);
  if (thickness < k_min_section_nm) return;
  // Squared distance to seed i along the path, without the common z²: offset_i - 2 z_i z. The nearest seed is
  // the lower envelope of these lines; going down from the entrance, only seeds with smaller z_i can take
  // over.
  const auto offset = [&](const Eigen::Vector3d& s) {
    return (s.x() - row) * (s.x() - row) + (s.y() - col) * (s.y() - col) + s.z() * s.z();
  };
  double z = thickness;
  std::size_t nearest = 0;
  for (std::size_t i = 1; i < film.seeds.size(); ++i)
    if (offset(film.seeds[i]) - 2 * film.seeds[i].z() * z <
        offset(film.seeds[nearest]) - 2 * film.seeds[nearest].z() * z)
      nearest = i;
  while (z > 0) {
    const Eigen::Vector3d& here = film.seeds[nearest];
    double next_z = 0;
    std::size_t next = nearest;
    for (std::size_t i = 0; i < film.seeds.size(); ++i) {
      const double slope = here.z() - film.seeds[i].z();
      if (slope <= 0) continue;
      const double crossing = (offset(here) - offset(film.seeds[i])) / (2 * slope);
      if (crossing < z && crossing > next_z) {
        next_z = crossing;
        next = i;
      }
    }
    if (z - next_z >= k_min_section_nm)
      sections.push_back({film.first_grain + static_cast<std::uint32_t>(nearest), z - next_z});
    z = next_z;
    nearest = next;
  }
}

}  // namespace bragglive
