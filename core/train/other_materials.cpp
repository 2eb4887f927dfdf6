#include "core/train/other_materials.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cmath>

#include "core/bloch/scan/counter_random.hpp"
#include "core/train/candidate_phases.hpp"

namespace bragglive {
namespace {

constexpr double k_apart = 0.02;  // relative: nearer lattices are too much like a candidate

struct Site {
  int species;
  double x, y, z;
};

// A structure type: cell shape relative to a, and its atoms. F, I: the sites are repeated by the centring.
struct Prototype {
  int space_group;
  double b, c, gamma;  // in units of a; degrees
  double spread;       // c varies by this share
  char centring;       // P, I, F
  std::vector<Site> sites;
};

const std::vector<Prototype>& prototypes() {
  static const std::vector<Prototype> all = {
      {225, 1, 1, 90, 0, 'F', {{0, 0, 0, 0}}},                                          // fcc
      {229, 1, 1, 90, 0, 'I', {{0, 0, 0, 0}}},                                          // bcc
      {221, 1, 1, 90, 0, 'P', {{0, 0, 0, 0}, {1, .5, .5, .5}}},                         // CsCl
      {225, 1, 1, 90, 0, 'F', {{0, 0, 0, 0}, {1, .5, .5, .5}}},                         // NaCl
      {227, 1, 1, 90, 0, 'F', {{0, 0, 0, 0}, {0, .25, .25, .25}}},                      // diamond
      {216, 1, 1, 90, 0, 'F', {{0, 0, 0, 0}, {1, .25, .25, .25}}},                      // zincblende
      {225, 1, 1, 90, 0, 'F', {{0, 0, 0, 0}, {1, .25, .25, .25}, {1, .75, .75, .75}}},  // fluorite
      {221,
       1,
       1,
       90,
       0,
       'P',
       {{0, 0, 0, 0}, {1, .5, .5, .5}, {2, .5, .5, 0}, {2, .5, 0, .5}, {2, 0, .5, .5}}},        // perovskite
      {221, 1, 1, 90, 0, 'P', {{0, 0, 0, 0}, {1, .5, .5, 0}, {1, .5, 0, .5}, {1, 0, .5, .5}}},  // L1_2
      {223,
       1,
       1,
       90,
       0,
       'P',
       {{0, 0, 0, 0},
        {0, .5, .5, .5},
        {1, .25, 0, .5},
        {1, .75, 0, .5},
        {1, .5, .25, 0},
        {1, .5, .75, 0},
        {1, 0, .5, .25},
        {1, 0, .5, .75}}},                                                                  // A15
      {194, 1, 1.63, 120, .06, 'P', {{0, 1. / 3, 2. / 3, .25}, {0, 2. / 3, 1. / 3, .75}}},  // hcp
      {186,
       1,
       1.62,
       120,
       .06,
       'P',
       {{0, 1. / 3, 2. / 3, 0},
        {0, 2. / 3, 1. / 3, .5},
        {1, 1. / 3, 2. / 3, .38},
        {1, 2. / 3, 1. / 3, .88}}},  // wurtzite
      {194,
       1,
       1.5,
       120,
       .2,
       'P',
       {{0, 0, 0, 0}, {0, 0, 0, .5}, {1, 1. / 3, 2. / 3, .25}, {1, 2. / 3, 1. / 3, .75}}},           // NiAs
      {191, 1, 1, 120, .25, 'P', {{0, 0, 0, 0}, {1, 1. / 3, 2. / 3, .5}, {1, 2. / 3, 1. / 3, .5}}},  // AlB2
      {164,
       1,
       1.6,
       120,
       .2,
       'P',
       {{0, 0, 0, 0}, {1, 1. / 3, 2. / 3, .24}, {1, 2. / 3, 1. / 3, .76}}},  // CdI2
      {123, 1, 1.0, 90, .35, 'P', {{0, 0, 0, 0}, {1, .5, .5, .5}}},          // L1_0
      {136,
       1,
       .65,
       90,
       .1,
       'P',
       {{0, 0, 0, 0},
        {0, .5, .5, .5},
        {1, .305, .305, 0},
        {1, .695, .695, 0},
        {1, .195, .805, .5},
        {1, .805, .195, .5}}},                                                                     // rutile
      {139, 1, 2.6, 90, .3, 'I', {{0, 0, 0, 0}, {1, 0, 0, .36}, {1, 0, 0, .64}}},                  // MoSi2
      {129, 1, 1.5, 90, .3, 'P', {{0, 0, .5, .2}, {0, .5, 0, .8}, {1, 0, 0, 0}, {1, .5, .5, 0}}},  // PbO
      {62,
       1.3,
       .9,
       90,
       .3,
       'P',
       {{0, .18, .25, .06},
        {0, .82, .75, .94},
        {0, .68, .25, .44},
        {0, .32, .75, .56},
        {1, .04, .25, .61},
        {1, .96, .75, .39},
        {1, .54, .25, .89},
        {1, .46, .75, .11}}},  // FeB-like
  };
  return all;
}

constexpr std::array<int, 34> k_elements = {3,  5,  6,  7,  8,  9,  11, 12, 13, 14, 15, 16,
                                            17, 19, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30,
                                            32, 38, 40, 42, 47, 50, 56, 57, 74, 82};

int whole(CounterRandom& random, std::size_t n) {
  return static_cast<int>(random.uniform() * static_cast<double>(n));
}

void finish(Crystal& crystal, double volume_per_atom) {
  // The cell was made for a = 1.
  const double factor = std::cbrt(volume_per_atom * double(crystal.atoms.size()) / cell_volume(crystal.cell));
  crystal.cell.a *= factor, crystal.cell.b *= factor, crystal.cell.c *= factor;
  crystal.standard_cell = crystal.cell;
  crystal.system = crystal_system_of_space_group(crystal.space_group);
}

Crystal from_prototype(CounterRandom& random) {
  const Prototype& type = prototypes()[std::size_t(whole(random, prototypes().size()))];
  Crystal crystal;
  crystal.space_group = type.space_group;
  crystal.cell = {1,
                  type.b * (type.b == 1 ? 1 : 1 + type.spread * random.uniform(-1, 1)),
                  type.c * (1 + type.spread * random.uniform(-1, 1)),
                  90,
                  90,
                  type.gamma};
  const int elements[3] = {k_elements[std::size_t(whole(random, k_elements.size()))],
                           k_elements[std::size_t(whole(random, k_elements.size()))],
                           k_elements[std::size_t(whole(random, k_elements.size()))]};
  std::vector<Eigen::Vector3d> shifts = {{0, 0, 0}};
  if (type.centring == 'I') shifts.push_back({.5, .5, .5});
  if (type.centring == 'F') shifts.insert(shifts.end(), {{0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}});
  for (const Site& site : type.sites)
    for (const Eigen::Vector3d& shift : shifts) {
      Atom atom;
      atom.z = elements[site.species];
      atom.position = Eigen::Vector3d(site.x, site.y, site.z) + shift;
      for (int k = 0; k < 3; ++k) atom.position[k] -= std::floor(atom.position[k]);
      crystal.atoms.push_back(atom);
    }
  finish(crystal, random.uniform(8, 28));
  return crystal;
}

// A few atoms anywhere in a cell of low symmetry, no two nearer than chemistry allows.
Crystal random_cell(CounterRandom& random) {
  Crystal crystal;
  crystal.space_group = 1;
  const bool oblique = random.uniform() < 0.5;
  crystal.cell = {
      1, random.uniform(0.6, 1.6), random.uniform(0.6, 2.2), 90, oblique ? random.uniform(90, 115) : 90, 90};
  const int atoms = 2 + whole(random, 7);
  const int elements[2] = {k_elements[std::size_t(whole(random, k_elements.size()))],
                           k_elements[std::size_t(whole(random, k_elements.size()))]};
  crystal.atoms.resize(std::size_t(atoms));
  finish(crystal, random.uniform(12, 28));
  const Eigen::Matrix3d rows = lattice_rows(crystal.cell);
  for (std::size_t i = 0; i < crystal.atoms.size(); ++i) {
    Atom& atom = crystal.atoms[i];
    atom.z = elements[i % 2];
    for (int attempt = 0; attempt < 200; ++attempt) {
      atom.position = {random.uniform(), random.uniform(), random.uniform()};
      double nearest = 10;
      for (std::size_t k = 0; k < i; ++k) {
        Eigen::Vector3d d = atom.position - crystal.atoms[k].position;
        for (int x = 0; x < 3; ++x) d[x] -= std::round(d[x]);
        nearest = std::min(nearest, (rows.transpose() * d).norm());
      }
      if (nearest > 1.6) break;
    }
  }
  return crystal;
}

// A candidate's structure in a cell that is 3 to 25 % too large or too small, at times with other elements.
Crystal stretched(const Crystal& candidate, CounterRandom& random) {
  Crystal crystal = candidate;
  const double factor = std::exp((random.uniform() < 0.5 ? -1 : 1) * random.uniform(0.03, 0.25));
  crystal.cell.a *= factor, crystal.cell.b *= factor, crystal.cell.c *= factor;
  crystal.standard_cell = crystal.cell;
  if (random.uniform() < 0.5) {
    const int from = crystal.atoms.front().z, to = k_elements[std::size_t(whole(random, k_elements.size()))];
    for (Atom& atom : crystal.atoms)
      if (atom.z == from) atom.z = to;
  }
  return crystal;
}

bool like_a_candidate(const Crystal& crystal, std::span<const Crystal> candidates) {
  const auto lattice = [](const CellParameters& c) {
    return std::array<float, 6>{float(c.a),     float(c.b),    float(c.c),
                                float(c.alpha), float(c.beta), float(c.gamma)};
  };
  return std::any_of(candidates.begin(), candidates.end(), [&](const Crystal& candidate) {
    return crystal.system == candidate.system &&
           same_lattice(lattice(crystal.standard_cell), lattice(candidate.standard_cell), k_apart);
  });
}

}  // namespace

std::vector<Crystal> other_materials(std::span<const Crystal> candidates, std::size_t count,
                                     std::uint64_t seed) {
  std::vector<Crystal> out;
  for (std::uint64_t attempt = 0; out.size() < count && attempt < 20 * count; ++attempt) {
    CounterRandom random(random_key(seed, 0x0dd, attempt));
    const double kind = random.uniform();
    Crystal crystal = kind < 0.55 ? from_prototype(random)
                      : kind < 0.8
                          ? random_cell(random)
                          : stretched(candidates[std::size_t(whole(random, candidates.size()))], random);
    crystal.id = fmt::format("other-{}", attempt);
    crystal.formula = reduced_formula(crystal);
    crystal.group = crystal.id;
    if (validate(crystal) && !like_a_candidate(crystal, candidates)) out.push_back(std::move(crystal));
  }
  return out;
}

}  // namespace bragglive
