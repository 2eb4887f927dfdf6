#include "core/train/candidate_phases.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/bloch/structure_factors.hpp"
#include "core/crystal/crystal_list.hpp"
#include "core/crystal/laue_class.hpp"

namespace bragglive {
namespace {

constexpr double k_reach = 1.6;          // 1/Å, largest |g|
constexpr double k_absent = 1e-7;        // of the strongest |U|²: weaker ones are absent
constexpr double k_displacement = 0.08;  // Å, as in the simulation
constexpr double k_equal_lattice = 0.003, k_equal_likeness = 0.995;

std::array<float, 6> lattice_of(const CellParameters& c) {
  return {float(c.a), float(c.b), float(c.c), float(c.alpha), float(c.beta), float(c.gamma)};
}

struct Listed {
  PhaseReflection reflection;
  Eigen::Vector3d g;
};

// Of all reflections that a Laue operation maps onto each other the first one stands for the others.
void mark_representatives(std::vector<Listed>& all, LaueClass laue, const Eigen::Matrix3d& direct) {
  std::set<std::array<int, 3>> seen;
  for (Listed& one : all) {
    const std::array<int, 3> index = {one.reflection.h, one.reflection.k, one.reflection.l};
    if (seen.contains(index)) continue;
    one.reflection.representative = 1;
    for (const Eigen::Matrix3d& operation : operations_of(laue)) {
      const Eigen::Vector3d image = direct * (operation * one.g);
      seen.insert({int(std::lround(image[0])), int(std::lround(image[1])), int(std::lround(image[2]))});
    }
  }
}

// Cosine between the amplitudes of two phases over the reflections of one of them.
double likeness(const Phase& p, const Phase& q) {
  std::map<std::array<int, 3>, double> amplitude;
  double pp = 0, qq = 0, pq = 0;
  for (const PhaseReflection& r : p.reflections) {
    amplitude[{r.h, r.k, r.l}] = std::sqrt(double{r.strength});
    pp += double{r.strength};
  }
  for (const PhaseReflection& r : q.reflections) {
    qq += double{r.strength};
    const auto found = amplitude.find({r.h, r.k, r.l});
    if (found != amplitude.end()) pq += found->second * std::sqrt(double{r.strength});
  }
  return pq / std::sqrt(pp * qq);
}

}  // namespace

bool same_lattice(const std::array<float, 6>& p, const std::array<float, 6>& q, double tolerance) {
  for (std::size_t i = 0; i < 6; ++i) {
    const double a = double{p[i]}, b = double{q[i]};
    if (i < 3 ? std::abs(a - b) > tolerance * b : std::abs(a - b) > 100 * tolerance) return false;
  }
  return true;
}

Expected<Phase> phase_of_crystal(const Crystal& crystal, const std::string& name) {
  Phase phase;
  phase.name = name;
  phase.formula = crystal.formula.empty() ? reduced_formula(crystal) : crystal.formula;
  phase.space_group = static_cast<std::uint16_t>(crystal.space_group);
  phase.system = crystal_system_of_space_group(crystal.space_group);
  if (phase.system == CrystalSystem::none)
    return fail(ErrorArea::format, "{}: its space group is not known, so it cannot be a candidate", name);
  phase.lattice = lattice_of(crystal.cell);
  const Eigen::Matrix3d direct = lattice_rows(crystal.cell), reciprocal = reciprocal_rows(crystal.cell);
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k < 3; ++k) phase.reciprocal[std::size_t(3 * i + k)] = reciprocal(i, k);
  ScatteringSettings settings;
  settings.thermal_displacement = k_displacement;
  // As many reflections as fit, the low ones first.
  const double fitting =
      std::cbrt(0.9 * double(k_max_phase_reflections) / (4.1888 * cell_volume(crystal.cell)));
  const double reach = std::min(k_reach, fitting);
  const auto table = CouplingTable<double>::build(crystal, settings, reach);
  if (!table) return tl::unexpected(table.error());
  std::vector<Listed> all;
  const auto side = [&](int i) { return std::min(k_max_phase_index, int(direct.row(i).norm() * reach)); };
  double strongest = 0;
  for (int h = -side(0); h <= side(0); ++h)
    for (int k = -side(1); k <= side(1); ++k)
      for (int l = -side(2); l <= side(2); ++l) {
        const Eigen::Vector3d g = reciprocal.transpose() * Eigen::Vector3d(h, k, l);
        if ((h == 0 && k == 0 && l == 0) || g.norm() > reach) continue;
        const double strength = std::norm(table->at(h, k, l));
        strongest = std::max(strongest, strength);
        all.push_back({{std::int16_t(h), std::int16_t(k), std::int16_t(l), 0, float(strength)}, g});
      }
  std::erase_if(all,
                [&](const Listed& one) { return double{one.reflection.strength} < k_absent * strongest; });
  std::stable_sort(all.begin(), all.end(),
                   [](const Listed& p, const Listed& q) { return p.g.norm() < q.g.norm(); });
  if (all.size() > k_max_phase_reflections) all.resize(k_max_phase_reflections);
  if (all.size() < 2) return fail(ErrorArea::shape, "{}: it has no reflections to be known by", name);
  mark_representatives(all, laue_class_of_space_group(crystal.space_group), direct);
  for (Listed& one : all) {
    one.reflection.strength = std::min(1.F, float(double{one.reflection.strength} / strongest));
    phase.reflections.push_back(one.reflection);
  }
  return phase;
}

Expected<Candidates> load_candidates(std::span<const std::filesystem::path> files) {
  if (files.empty() || files.size() > k_max_phases)
    return fail(ErrorArea::usage, "{} candidates: between 1 and {} are possible", files.size(), k_max_phases);
  Candidates out;
  for (const auto& file : files) {
    if (file.extension() != ".cif")
      return fail(ErrorArea::usage, "{}: a candidate is a CIF file (*.cif)", file.string());
    const auto list = CrystalList::open(file);
    if (!list) return tl::unexpected(list.error());
    auto crystal = list->load(0);
    if (!crystal) return tl::unexpected(crystal.error());
    auto phase = phase_of_crystal(*crystal, file.stem().string());
    if (!phase) return tl::unexpected(phase.error());
    for (std::size_t i = 0; i < out.phases.size(); ++i) {
      const Phase& other = out.phases[i];
      if (other.name == phase->name)
        return fail(ErrorArea::usage, "{}: two candidates are called '{}': rename one file", file.string(),
                    phase->name);
      if (other.system == phase->system && same_lattice(other.lattice, phase->lattice, k_equal_lattice) &&
          likeness(other, *phase) > k_equal_likeness)
        return fail(ErrorArea::usage,
                    "{} and {} have the same structure (lattices within 0.3 %, equal intensities): no "
                    "diffraction pattern "
                    "can tell them apart; leave one out",
                    files[i].string(), file.string());
    }
    out.crystals.push_back(std::move(*crystal));
    out.phases.push_back(std::move(*phase));
  }
  return out;
}

}  // namespace bragglive
