#include "core/bloch/material_patterns.hpp"

#include <cmath>
#include <numbers>

#include "core/bloch/zone_axes.hpp"

namespace bragglive {
namespace {

// FNV-1a: the stream of a material must not depend on its place in a list.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

struct Turn {
  double angle = 0;
  bool mirrored = false;
};

void append_spots(const DiffractionPattern& pattern, std::size_t thickness, const Turn& turn,
                  const MeasurementNoise& noise, CounterRandom& random, DatasetBlock& block) {
  const double c = std::cos(turn.angle), s = std::sin(turn.angle);
  const auto intensities = pattern.at(thickness);
  for (std::size_t i = 0; i < pattern.beams.size(); ++i) {
    const Beam& beam = pattern.beams[i];
    const bool direct = beam.h == 0 && beam.k == 0 && beam.l == 0;
    double intensity = intensities[i];
    if (!direct && intensity < 1e-3 * noise.min_intensity) continue;  // no error lifts it above the threshold
    if (noise.intensity_sigma > 0) intensity *= std::exp(noise.intensity_sigma * random.normal());
    if (!direct && intensity < noise.min_intensity) continue;
    const double y = turn.mirrored ? -beam.qy : beam.qy;
    double qx = c * beam.qx - s * y, qy = s * beam.qx + c * y;
    if (noise.position_sigma > 0) {
      qx += noise.position_sigma * random.normal();
      qy += noise.position_sigma * random.normal();
    }
    block.qx.push_back(static_cast<float>(qx));
    block.qy.push_back(static_cast<float>(qy));
    block.intensity.push_back(static_cast<float>(intensity));
    block.hkl.insert(block.hkl.end(), {beam.h, beam.k, beam.l});
  }
  block.offset.push_back(block.qx.size());
}

void draw_thicknesses(const DatasetSettings& settings, CounterRandom& random, std::vector<double>& out) {
  out = settings.thicknesses_nm;
  if (!settings.random_thickness) return;
  const RandomThickness& range = *settings.random_thickness;
  out.resize(static_cast<std::size_t>(range.draws));
  for (double& t : out)
    t = range.logarithmic ? range.low_nm * std::pow(range.high_nm / range.low_nm, random.uniform())
                          : random.uniform(range.low_nm, range.high_nm);
}

DatasetMaterial material_of(const Crystal& crystal) {
  DatasetMaterial m;
  m.id = crystal.id;
  m.formula = crystal.formula;
  m.group = crystal.group;
  m.system = static_cast<std::uint8_t>(crystal.system);
  m.space_group = static_cast<std::uint16_t>(crystal.space_group);
  const CellParameters& c = crystal.standard_cell;
  const double lattice[6] = {c.a, c.b, c.c, c.alpha, c.beta, c.gamma};
  for (int i = 0; i < 6; ++i) m.lattice[i] = static_cast<float>(lattice[i]);
  m.split = static_cast<std::uint8_t>(crystal.split);
  return m;
}

void truncate(DatasetBlock& block, std::size_t patterns, std::size_t spots) {
  block.material.resize(patterns);
  block.zone.resize(3 * patterns);
  block.thickness_nm.resize(patterns);
  block.rotation.resize(patterns);
  block.mirrored.resize(patterns);
  block.offset.resize(patterns + 1);
  block.qx.resize(spots);
  block.qy.resize(spots);
  block.intensity.resize(spots);
  block.hkl.resize(3 * spots);
}

}  // namespace

Expected<void> add_material(const Crystal& crystal, const DatasetSettings& settings,
                            const std::vector<Eigen::Vector3d>& grid, MaterialScratch& scratch,
                            DatasetBlock& block) {
  const auto simulator = BlochSimulator::create(crystal, settings.bloch);
  if (!simulator) return tl::unexpected(simulator.error());
  const std::size_t patterns_before = block.patterns(), spots_before = block.spots();
  const LaueClass laue = laue_class_of_space_group(crystal.space_group);
  const auto row = static_cast<std::uint32_t>(block.materials.size());
  const std::uint64_t stream = hash_of(crystal.id);
  const std::size_t zones =
      settings.zones == ZoneChoice::grid ? grid.size() : std::size_t(settings.zone_axes);
  for (std::size_t p = 0; p < zones; ++p) {
    CounterRandom random(random_key(settings.seed, stream, p));
    const Eigen::Vector3d zone = settings.zones == ZoneChoice::grid ? grid[p] : random_zone(laue, random);
    Turn turn;
    if (settings.rotations == InPlane::random) {
      turn.angle = random.uniform(0, 2 * std::numbers::pi);
      turn.mirrored = random.uniform() < 0.5;
    }
    draw_thicknesses(settings, random, scratch.thicknesses_nm);
    const auto orientation = orientation_along(zone);
    Expected<void> done =
        orientation ? simulator->pattern(*orientation, scratch.thicknesses_nm, scratch.bloch, scratch.pattern)
                    : tl::unexpected(orientation.error());
    if (!done) {
      truncate(block, patterns_before, spots_before);
      return done;
    }
    for (std::size_t t = 0; t < scratch.thicknesses_nm.size(); ++t) {
      append_spots(scratch.pattern, t, turn, settings.noise, random, block);
      block.material.push_back(row);
      for (int k = 0; k < 3; ++k) block.zone.push_back(static_cast<float>(zone[k]));
      block.thickness_nm.push_back(static_cast<float>(scratch.thicknesses_nm[t]));
      block.rotation.push_back(static_cast<float>(turn.angle));
      block.mirrored.push_back(turn.mirrored ? 1 : 0);
    }
  }
  block.materials.push_back(material_of(crystal));
  return {};
}

}  // namespace bragglive
