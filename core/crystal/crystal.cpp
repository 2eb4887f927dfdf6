#include "core/crystal/crystal.hpp"

#include <Eigen/LU>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>

namespace bragglive {
namespace {

constexpr std::array<std::string_view, 119> k_symbols = {
    "X",  "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al", "Si", "P",  "S",
    "Cl", "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As",
    "Se", "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn",
    "Sb", "Te", "I",  "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho",
    "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W",  "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po",
    "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md",
    "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};

double radians(double degrees) {
  return degrees * std::numbers::pi / 180;
}

// Exact for right angles, where cos(90°) in floating point is 6e-17 and would tilt the frame.
double cosine(double degrees) {
  return degrees == 90 ? 0.0 : std::cos(radians(degrees));
}

// Shortest Cartesian distance between two fractional positions over the neighbouring cells.
double distance(const Eigen::Matrix3d& rows, const Eigen::Vector3d& p, const Eigen::Vector3d& q) {
  Eigen::Vector3d d = p - q;
  for (int i = 0; i < 3; ++i) d[i] -= std::round(d[i]);
  double best = 1e300;
  for (int i = -1; i <= 1; ++i)
    for (int j = -1; j <= 1; ++j)
      for (int k = -1; k <= 1; ++k)
        best = std::min(best, (rows.transpose() * (d + Eigen::Vector3d(i, j, k))).squaredNorm());
  return std::sqrt(best);
}

Expected<void> validate_cell(const Crystal& crystal) {
  const CellParameters& c = crystal.cell;
  const auto length_ok = [](double x) { return std::isfinite(x) && x >= 1 && x <= k_max_cell_length; };
  const auto angle_ok = [](double x) { return std::isfinite(x) && x > 5 && x < 175; };
  if (!length_ok(c.a) || !length_ok(c.b) || !length_ok(c.c) || !angle_ok(c.alpha) || !angle_ok(c.beta) ||
      !angle_ok(c.gamma))
    return fail(ErrorArea::format,
                "{}: no usable unit cell (a b c = {} {} {} Å, angles {} {} {}); lengths must lie in 1..{} Å",
                crystal.id, c.a, c.b, c.c, c.alpha, c.beta, c.gamma, k_max_cell_length);
  const double volume = cell_volume(c);
  if (!(volume > 1)) return fail(ErrorArea::format, "{}: the cell angles enclose no volume", crystal.id);
  return {};
}

Expected<void> validate_atom(const Crystal& crystal, std::size_t i) {
  const Atom& atom = crystal.atoms[i];
  if (atom.z < 1 || atom.z > 118)
    return fail(ErrorArea::format, "{}: atom {} has no known element", crystal.id, i + 1);
  if (!atom.position.allFinite())
    return fail(ErrorArea::format, "{}: atom {} ({}) has no position", crystal.id, i + 1,
                element_symbol(atom.z));
  if (!(atom.occupancy > 0 && atom.occupancy <= 1 + 1e-6))
    return fail(ErrorArea::format, "{}: atom {} ({}) has occupancy {}, which is not in (0, 1]", crystal.id,
                i + 1, element_symbol(atom.z), atom.occupancy);
  if (!(atom.u_squared >= 0 && atom.u_squared < 1))
    return fail(ErrorArea::format, "{}: atom {} ({}) has displacement U = {} Å^2, which is not in 0..1",
                crystal.id, i + 1, element_symbol(atom.z), atom.u_squared);
  return {};
}

// Planes of constant fraction are this far apart: atoms whose fractions differ by more than
// k_shortest_distance / spacing along any axis cannot overlap, which settles nearly all pairs.
Eigen::Vector3d plane_spacings(const CellParameters& cell) {
  return reciprocal_rows(cell).rowwise().norm().cwiseInverse();
}

Expected<void> validate_overlap(const Crystal& crystal) {
  const Eigen::Matrix3d rows = lattice_rows(crystal.cell);
  const Eigen::Vector3d spacing = plane_spacings(crystal.cell);
  const auto far_apart = [&](const Eigen::Vector3d& p, const Eigen::Vector3d& q) {
    for (int i = 0; i < 3; ++i) {
      const double d = p[i] - q[i];
      if (std::abs(d - std::nearbyint(d)) * spacing[i] > k_shortest_distance) return true;
    }
    return false;
  };
  for (std::size_t i = 0; i < crystal.atoms.size(); ++i) {
    double shared = crystal.atoms[i].occupancy;
    for (std::size_t j = 0; j < crystal.atoms.size(); ++j) {
      if (i == j || far_apart(crystal.atoms[i].position, crystal.atoms[j].position)) continue;
      const double d = distance(rows, crystal.atoms[i].position, crystal.atoms[j].position);
      if (d < k_shortest_distance) shared += crystal.atoms[j].occupancy;
      if (shared > 1.01)
        return fail(
            ErrorArea::format,
            "{}: atoms {} ({}) and {} ({}) overlap: {:.2f} Å apart with occupancies that add up to {:.2f}; "
            "check the symmetry operations and positions",
            crystal.id, i + 1, element_symbol(crystal.atoms[i].z), j + 1, element_symbol(crystal.atoms[j].z),
            d, shared);
    }
  }
  return {};
}

}  // namespace

Eigen::Matrix3d lattice_rows(const CellParameters& cell) {
  const double ca = cosine(cell.alpha), cb = cosine(cell.beta), cg = cosine(cell.gamma);
  const double sg = cell.gamma == 90 ? 1.0 : std::sin(radians(cell.gamma));
  const double cx = cb, cy = (ca - cb * cg) / sg;
  const double cz = std::sqrt(std::max(0.0, 1 - cx * cx - cy * cy));
  Eigen::Matrix3d rows;
  rows << cell.a, 0, 0, cell.b * cg, cell.b * sg, 0, cell.c * cx, cell.c * cy, cell.c * cz;
  return rows;
}

Eigen::Matrix3d reciprocal_rows(const CellParameters& cell) {
  return lattice_rows(cell).inverse().transpose();
}

double cell_volume(const CellParameters& cell) {
  return std::abs(lattice_rows(cell).determinant());
}

std::optional<int> atomic_number(std::string_view symbol) {
  if (symbol == "D" || symbol == "T") return 1;
  for (std::size_t z = 1; z < k_symbols.size(); ++z)
    if (k_symbols[z] == symbol) return static_cast<int>(z);
  return std::nullopt;
}

std::string_view element_symbol(int z) {
  return k_symbols[z >= 1 && z <= 118 ? static_cast<std::size_t>(z) : 0];
}

std::string reduced_formula(const Crystal& crystal) {
  std::map<int, double> count;
  for (const Atom& atom : crystal.atoms) count[atom.z] += atom.occupancy;
  bool whole = true;
  long divisor = 0;
  for (const auto& [z, n] : count) {
    whole = whole && std::abs(n - std::round(n)) < 1e-3 && n > 0.5;
    divisor = std::gcd(divisor, std::lround(n));
  }
  std::string text;
  for (const auto& [z, n] : count) {
    text += element_symbol(z);
    if (!whole)
      text += fmt::format("{:.4g}", n);
    else if (std::lround(n) != divisor)
      text += fmt::format("{}", std::lround(n) / divisor);
  }
  return text;
}

Expected<void> validate(const Crystal& crystal) {
  if (auto ok = validate_cell(crystal); !ok) return ok;
  if (crystal.atoms.empty()) return fail(ErrorArea::format, "{}: the cell holds no atoms", crystal.id);
  if (crystal.atoms.size() > k_max_atoms)
    return fail(ErrorArea::format, "{}: {} atoms in the cell; at most {} are supported", crystal.id,
                crystal.atoms.size(), k_max_atoms);
  for (std::size_t i = 0; i < crystal.atoms.size(); ++i)
    if (auto ok = validate_atom(crystal, i); !ok) return ok;
  return validate_overlap(crystal);
}

}  // namespace bragglive
