#include "core/crystal/symmetry.hpp"

#include <spglib.h>

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

namespace bragglive {
namespace {

struct FreeDataset {
  void operator()(SpglibDataset* dataset) const { spg_free_dataset(dataset); }
};
using Dataset = std::unique_ptr<SpglibDataset, FreeDataset>;

// Atoms that share one position (mixed occupancy) are one site for the symmetry search.
struct Site {
  Eigen::Vector3d position;
  std::vector<Atom> atoms;  // sorted by z
};

bool same_place(const Eigen::Matrix3d& rows, const Eigen::Vector3d& p, const Eigen::Vector3d& q,
                double tolerance) {
  Eigen::Vector3d d = p - q;
  for (int i = 0; i < 3; ++i) d[i] -= std::round(d[i]);
  return (rows.transpose() * d).norm() < tolerance;
}

// Whether two atoms scatter alike; the displacement counts only where it is given.
bool same_kind(const Atom& p, const Atom& q) {
  return p.z == q.z && std::abs(p.occupancy - q.occupancy) < 1e-4 &&
         std::abs(p.u_squared - q.u_squared) < 1e-5;
}

bool same_kind(const Site& p, const Site& q) {
  return std::equal(
      p.atoms.begin(), p.atoms.end(), q.atoms.begin(), q.atoms.end(),
      [](const Atom& x, const Atom& y) { return x.z == y.z && std::abs(x.occupancy - y.occupancy) < 1e-3; });
}

std::vector<Site> sites_of(const Crystal& crystal) {
  const Eigen::Matrix3d rows = lattice_rows(crystal.cell);
  std::vector<Site> sites;
  for (const Atom& atom : crystal.atoms) {
    auto at = std::find_if(sites.begin(), sites.end(),
                           [&](const Site& s) { return same_place(rows, s.position, atom.position, 0.02); });
    if (at == sites.end())
      sites.push_back({atom.position, {atom}});
    else
      at->atoms.push_back(atom);
  }
  for (Site& site : sites)
    std::sort(site.atoms.begin(), site.atoms.end(), [](const Atom& x, const Atom& y) { return x.z < y.z; });
  return sites;
}

struct Symmetry {
  Dataset dataset;
  std::vector<Site> kinds;  // spglib's type t stands for kinds[t - 1]
};

Expected<Symmetry> search(const Crystal& crystal, double tolerance) {
  const std::vector<Site> sites = sites_of(crystal);
  Symmetry found;
  std::vector<int> types;
  std::vector<double> positions;
  for (const Site& site : sites) {
    auto at = std::find_if(found.kinds.begin(), found.kinds.end(),
                           [&](const Site& s) { return same_kind(s, site); });
    types.push_back(static_cast<int>(at - found.kinds.begin()) + 1);
    if (at == found.kinds.end()) found.kinds.push_back(site);
    positions.insert(positions.end(), site.position.data(), site.position.data() + 3);
  }
  const Eigen::Matrix3d rows = lattice_rows(crystal.cell);
  double columns[3][3];
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) columns[i][j] = rows(j, i);
  found.dataset.reset(spg_get_dataset(columns, reinterpret_cast<double(*)[3]>(positions.data()), types.data(),
                                      static_cast<int>(types.size()), tolerance));
  if (!found.dataset)
    return fail(ErrorArea::numeric,
                "{}: the symmetry search failed (tolerance {} Å); atoms may be too close together",
                crystal.id, tolerance);
  return found;
}

CellParameters parameters_of(const double (&columns)[3][3]) {
  Eigen::Vector3d v[3];
  for (int j = 0; j < 3; ++j) v[j] = Eigen::Vector3d(columns[0][j], columns[1][j], columns[2][j]);
  const auto angle = [&](int i, int j) {
    const double cosine = v[i].dot(v[j]) / (v[i].norm() * v[j].norm());
    if (std::abs(cosine) < 1e-9) return 90.0;
    if (std::abs(cosine + 0.5) < 1e-9) return 120.0;
    return std::acos(std::clamp(cosine, -1.0, 1.0)) * 180 / std::numbers::pi;
  };
  return {v[0].norm(), v[1].norm(), v[2].norm(), angle(1, 2), angle(0, 2), angle(0, 1)};
}

double wrapped(double x) {
  x -= std::floor(x);
  return x >= 1 ? 0 : x;
}

// Whether x -> sign·x + shift maps the crystal onto itself.
bool maps_onto_itself(const Crystal& crystal, double sign, const Eigen::Vector3d& shift, double tolerance) {
  const Eigen::Matrix3d rows = lattice_rows(crystal.cell);
  return std::all_of(crystal.atoms.begin(), crystal.atoms.end(), [&](const Atom& atom) {
    const Eigen::Vector3d image = sign * atom.position + shift;
    return std::any_of(crystal.atoms.begin(), crystal.atoms.end(), [&](const Atom& other) {
      if (!same_kind(atom, other) || !same_place(rows, image, other.position, tolerance)) return false;
      if (atom.u_tensor.has_value() != other.u_tensor.has_value()) return false;
      return !atom.u_tensor || (*atom.u_tensor - *other.u_tensor).norm() < 1e-5;
    });
  });
}

// The atoms of the rarest kind: the fewest candidates for an operation.
std::vector<const Atom*> rarest_kind(const Crystal& crystal) {
  std::vector<const Atom*> best;
  for (const Atom& first : crystal.atoms) {
    std::vector<const Atom*> alike;
    for (const Atom& atom : crystal.atoms)
      if (same_kind(first, atom)) alike.push_back(&atom);
    if (best.empty() || alike.size() < best.size()) best = alike;
  }
  return best;
}

}  // namespace

Expected<void> assign_symmetry(Crystal& crystal, double tolerance_angstrom) {
  auto found = search(crystal, tolerance_angstrom);
  if (!found) return tl::unexpected(found.error());
  crystal.space_group = found->dataset->spacegroup_number;
  crystal.system = crystal_system_of_space_group(crystal.space_group);
  crystal.standard_cell = parameters_of(found->dataset->std_lattice);
  return {};
}

Expected<Crystal> to_standard_cell(const Crystal& crystal, double tolerance_angstrom) {
  auto found = search(crystal, tolerance_angstrom);
  if (!found) return tl::unexpected(found.error());
  const SpglibDataset& dataset = *found->dataset;
  Crystal standard = crystal;
  standard.space_group = dataset.spacegroup_number;
  standard.system = crystal_system_of_space_group(standard.space_group);
  standard.standard_cell = standard.cell = parameters_of(dataset.std_lattice);
  standard.atoms.clear();
  for (int i = 0; i < dataset.n_std_atoms; ++i) {
    const auto kind = static_cast<std::size_t>(dataset.std_types[i] - 1);
    for (Atom atom : found->kinds[kind].atoms) {
      for (int k = 0; k < 3; ++k) atom.position[k] = wrapped(dataset.std_positions[i][k]);
      if (atom.u_tensor) atom.u_squared = atom.u_tensor->trace() / 3;
      atom.u_tensor.reset();
      standard.atoms.push_back(atom);
    }
  }
  if (auto ok = validate(standard); !ok) return tl::unexpected(ok.error());
  return standard;
}

std::vector<Eigen::Vector3d> centring_translations(const Crystal& crystal, double tolerance_angstrom) {
  std::vector<Eigen::Vector3d> found;
  const std::vector<const Atom*> alike = rarest_kind(crystal);
  for (std::size_t i = 1; i < alike.size(); ++i) {
    Eigen::Vector3d shift = alike[i]->position - alike[0]->position;
    for (int k = 0; k < 3; ++k) {
      shift[k] = wrapped(shift[k]);
      // A centring translation is a fraction with a small denominator; the exact one makes absences exact.
      for (double parts : {2.0, 3.0, 4.0})
        if (std::abs(shift[k] * parts - std::round(shift[k] * parts)) < 1e-4 * parts)
          shift[k] = wrapped(std::round(shift[k] * parts) / parts);
    }
    if (shift.norm() > 1e-3 && maps_onto_itself(crystal, 1, shift, tolerance_angstrom))
      found.push_back(shift);
  }
  return found;
}

std::optional<Eigen::Vector3d> inversion_centre(const Crystal& crystal, double tolerance_angstrom) {
  const std::vector<const Atom*> alike = rarest_kind(crystal);
  for (const Atom* other : alike) {
    const Eigen::Vector3d sum = alike[0]->position + other->position;
    if (maps_onto_itself(crystal, -1, sum, tolerance_angstrom)) return Eigen::Vector3d(sum / 2);
  }
  return std::nullopt;
}

}  // namespace bragglive
