// A specimen as geometry: which crystals the beam goes through at every scan position. No diffraction here.
#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/frame/error.hpp"
#include "core/frame/scan_geometry.hpp"

namespace bragglive {

class CounterRandom;

// How grains are turned. Uniform over all rotations; or one crystal direction held along the beam within a
// spread, the rest random; or one fixed zone axis and in-plane angle for all.
struct GrainOrientations {
  enum class Kind : std::uint8_t { random, fiber, fixed };
  Kind kind = Kind::random;
  Eigen::Vector3d axis{
      0, 0, 1};           // fiber, fixed: unit vector in the crystal's Cartesian frame, set against the beam
  double spread_deg = 0;  // fiber: standard deviation of the tilt
  double in_plane_deg = 0;  // fixed
};

// Round particles, scattered over the scanned area.
struct ParticleSettings {
  std::uint32_t phase = 0;
  std::uint32_t count = 0;
  double diameter_nm = 10;       // mean
  double diameter_sigma_nm = 0;  // standard deviation, cut at 2.5 of them and at 1 nm
  double flattening = 1;         // height / diameter
  double twin_share = 0;         // particles that are two crystals mirrored at a plane through them
  Eigen::Vector3d twin_axis{
      1, 1, 1};              // unit or not, crystal's Cartesian frame: half a turn about it makes the twin
  double overlap_share = 0;  // particles that may lie over others; the rest keep clear
  GrainOrientations orientation;
};

// A film of grains that fill space (Voronoi cells).
struct PolycrystalSettings {
  struct Share {
    std::uint32_t phase = 0;
    double share = 1;  // of the grains; normalised
  };
  std::uint32_t grains = 0;
  std::vector<Share> phases;
  double thickness_nm = 20;           // at the centre of the scan
  std::array<double, 2> wedge{0, 0};  // nm of thickness per nm along rows and columns
  bool columnar = true;               // boundaries along the beam; else grains overlap
  GrainOrientations orientation;
};

struct SpecimenSettings {
  std::vector<ParticleSettings> particles;
  std::vector<PolycrystalSettings> polycrystals;
};

// One crystal. Scan frame: x along scan rows, y along scan columns, z against the beam.
struct Grain {
  std::uint32_t phase = 0;
  Eigen::Matrix3d rotation = Eigen::Matrix3d::Identity();  // crystal's Cartesian frame -> scan frame
  double max_thickness_nm = 0;                             // anywhere in the scan
};

// One crystal in the beam's path.
struct GrainSection {
  std::uint32_t grain = 0;
  double thickness_nm = 0;
};

class Specimen {
 public:
  // Deterministic for a seed. Refuses settings out of range and particles that find no room.
  static Expected<Specimen> create(const SpecimenSettings& settings, ScanShape scan, double step_nm,
                                   std::uint64_t seed);

  const std::vector<Grain>& grains() const { return grains_; }
  // The crystals at this position in the order in which the beam meets them; `sections` is overwritten.
  void at(ScanPosition position, std::vector<GrainSection>& sections) const;

 private:
  struct Particle {
    double row = 0, col = 0, height = 0;  // centre, nm; height orders overlapping particles
    double radius = 0, flattening = 1;
    std::uint32_t grain = 0;  // its twin is grain + 1
    bool twinned = false;
    Eigen::Vector3d twin_normal{0, 0, 1};  // of the contact plane, scan frame
  };
  struct Film {
    PolycrystalSettings settings;
    std::uint32_t first_grain = 0;
    std::vector<Eigen::Vector3d> seeds;  // nm
  };
  Expected<void> add_particles(const ParticleSettings& settings, CounterRandom& random);
  Expected<void> add_film(const PolycrystalSettings& settings, CounterRandom& random);
  void through_particle(const Particle& particle, double row, double col,
                        std::vector<GrainSection>& sections) const;
  void through_film(const Film& film, double row, double col, std::vector<GrainSection>& sections) const;
  double film_thickness(const PolycrystalSettings& film, double row, double col) const;

  ScanShape scan_;
  double step_nm_ = 1;
  std::vector<Grain> grains_;
  std::vector<Particle> particles_;  // highest first
  std::vector<Film> films_;
};

}  // namespace bragglive
