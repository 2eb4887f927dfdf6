#include "core/crystal/cif.hpp"

#define USE_STD_SNPRINTF  // gemmi then needs no bundled formatting library

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <gemmi/cif.hpp>
#include <gemmi/numb.hpp>
#include <gemmi/smcif.hpp>
#include <gemmi/symmetry.hpp>
#include <numbers>
#include <sstream>

#include "core/crystal/symmetry.hpp"

namespace bragglive {
namespace {

namespace cif = gemmi::cif;
constexpr std::uintmax_t k_max_cif_bytes = 64u << 20;

// Published positions are rounded: 0.333 or 0.3333 stands for a third.
double exact_fraction(double x) {
  const double exact = std::round(x * 6) / 6;
  const bool three_digits = std::abs(x - std::round(exact * 1e3) / 1e3) < 1e-9;
  return std::abs(x - exact) < 6e-5 || three_digits ? exact : x;
}

double wrapped(double x) {
  x -= std::floor(x);
  return x > 1 - 1e-9 ? 0 : x;
}

Expected<gemmi::GroupOps> operations_of(const cif::Block& block, const std::string& name) {
  for (const char* tag : {"_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz",
                          "_space_group_symop.operation_xyz"}) {
    std::vector<gemmi::Op> ops;
    for (const std::string& text : const_cast<cif::Block&>(block).find_values(tag)) {
      try {
        ops.push_back(gemmi::parse_triplet(cif::as_string(text)));
      } catch (const std::exception& error) {
        return fail(ErrorArea::format, "{}: symmetry operation \"{}\" cannot be read ({})", name,
                    cif::as_string(text), error.what());
      }
    }
    if (!ops.empty()) return gemmi::split_centering_vectors(ops);
  }
  for (const char* tag : {"_space_group_name_Hall", "_symmetry_space_group_name_Hall"})
    if (const std::string* value = block.find_value(tag); value && !cif::is_null(*value)) try {
        return gemmi::symops_from_hall(cif::as_string(*value).c_str());
      } catch (const std::exception&) {
        return fail(ErrorArea::format, "{}: unknown Hall symbol \"{}\"", name, cif::as_string(*value));
      }
  for (const char* tag : {"_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M"})
    if (const std::string* value = block.find_value(tag); value && !cif::is_null(*value)) {
      if (const gemmi::SpaceGroup* group = gemmi::find_spacegroup_by_name(cif::as_string(*value)))
        return group->operations();
      return fail(ErrorArea::format, "{}: unknown space group \"{}\"; list the symmetry operations instead",
                  name, cif::as_string(*value));
    }
  for (const char* tag : {"_space_group_IT_number", "_symmetry_Int_Tables_number"})
    if (const std::string* value = block.find_value(tag); value && !cif::is_null(*value)) {
      if (const gemmi::SpaceGroup* group =
              gemmi::find_spacegroup_by_number(static_cast<int>(cif::as_number(*value, 0))))
        return group->operations();
      return fail(ErrorArea::format, "{}: {} is not a space-group number", name, *value);
    }
  gemmi::GroupOps identity;
  identity.sym_ops = {gemmi::Op::identity()};
  identity.cen_ops = {{0, 0, 0}};
  return identity;
}

// A rotation of the lattice keeps the metric: Rᵀ G R = G.
Expected<void> check_metric(const gemmi::GroupOps& ops, const CellParameters& cell, const std::string& name) {
  const Eigen::Matrix3d rows = lattice_rows(cell);
  const Eigen::Matrix3d metric = rows * rows.transpose();
  for (const gemmi::Op& op : ops.sym_ops) {
    Eigen::Matrix3d r;
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j) r(i, j) = double(op.rot[std::size_t(i)][std::size_t(j)]) / gemmi::Op::DEN;
    if ((r.transpose() * metric * r - metric).norm() > 5e-3 * metric.norm())
      return fail(ErrorArea::format,
                  "{}: the symmetry operation \"{}\" does not fit the cell {} {} {} Å, {} {} {}°: the "
                  "symmetry or the "
                  "cell is wrong",
                  name, op.triplet(), cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma);
  }
  return {};
}

std::string element_of_label(const std::string& label) {
  std::string symbol;
  for (char ch : label) {
    if (!std::isalpha(static_cast<unsigned char>(ch)) || symbol.size() == 2) break;
    symbol += symbol.empty() ? char(std::toupper(static_cast<unsigned char>(ch)))
                             : char(std::tolower(static_cast<unsigned char>(ch)));
  }
  if (atomic_number(symbol)) return symbol;
  symbol.resize(std::min<std::size_t>(symbol.size(), 1));
  return symbol;
}

// U_ij of the CIF refers to the lengths of a*: U_cart = A N U N Aᵀ with A = columns a b c, N = diag(a*, b*,
// c*).
Eigen::Matrix3d cartesian_displacement(const gemmi::SMat33<double>& u, const CellParameters& cell) {
  Eigen::Matrix3d m;
  m << u.u11, u.u12, u.u13, u.u12, u.u22, u.u23, u.u13, u.u23, u.u33;
  const Eigen::Matrix3d reciprocal = reciprocal_rows(cell);
  const Eigen::Matrix3d scale =
      lattice_rows(cell).transpose() * reciprocal.rowwise().norm().asDiagonal().toDenseMatrix();
  return scale * m * scale.transpose();
}

struct Image {
  Eigen::Matrix3d rotation;  // fractional
  Eigen::Vector3d shift;
};

std::vector<Image> images_of(const gemmi::GroupOps& ops) {
  std::vector<Image> images;
  for (const gemmi::Op op : ops) {
    Image image;
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j)
        image.rotation(i, j) = double(op.rot[std::size_t(i)][std::size_t(j)]) / gemmi::Op::DEN;
      image.shift[i] = double(op.tran[std::size_t(i)]) / gemmi::Op::DEN;
    }
    images.push_back(image);
  }
  return images;
}

// All symmetry images of one site; images closer than 0.4 Å are one atom on a special position.
void add_images(Crystal& crystal, const Atom& atom, const std::vector<Image>& images) {
  const Eigen::Matrix3d columns = lattice_rows(crystal.cell).transpose();
  const Eigen::Matrix3d to_fraction = columns.inverse();
  const std::size_t first = crystal.atoms.size();
  for (const Image& image : images) {
    Atom next = atom;
    next.position = image.rotation * atom.position + image.shift;
    for (int k = 0; k < 3; ++k) next.position[k] = wrapped(next.position[k]);
    const bool known =
        std::any_of(crystal.atoms.begin() + std::ptrdiff_t(first), crystal.atoms.end(), [&](const Atom& a) {
          Eigen::Vector3d d = a.position - next.position;
          for (int k = 0; k < 3; ++k) d[k] -= std::round(d[k]);
          return (columns * d).norm() < 0.4;
        });
    if (known) continue;
    if (atom.u_tensor) {
      const Eigen::Matrix3d r = columns * image.rotation * to_fraction;
      next.u_tensor = r * *atom.u_tensor * r.transpose();
    }
    crystal.atoms.push_back(next);
  }
}

Expected<Atom> atom_of(const gemmi::SmallStructure::Site& site, const CellParameters& cell,
                       const std::string& name) {
  Atom atom;
  const std::string symbol = element_of_label(site.type_symbol.empty() ? site.label : site.type_symbol);
  const auto z = atomic_number(symbol);
  if (!z)
    return fail(ErrorArea::format, "{}: site \"{}\" has no known element (\"{}\")", name, site.label,
                site.type_symbol);
  atom.z = *z;
  atom.position = {exact_fraction(site.fract.x), exact_fraction(site.fract.y), exact_fraction(site.fract.z)};
  if (!atom.position.allFinite())
    return fail(ErrorArea::format, "{}: site \"{}\" has no position (_atom_site_fract_x, y, z)", name,
                site.label);
  atom.occupancy = site.occ;
  atom.u_squared = std::isfinite(site.u_iso) ? std::max(0.0, site.u_iso) : 0;
  if (site.aniso.nonzero()) {
    atom.u_tensor = cartesian_displacement(site.aniso, cell);
    atom.u_squared = std::max(0.0, atom.u_tensor->trace() / 3);
  }
  return atom;
}

Expected<Crystal> crystal_of(const cif::Block& block, const std::string& name) {
  const gemmi::SmallStructure small = gemmi::make_small_structure_from_block(block);
  Crystal crystal;
  crystal.id = name;
  const gemmi::UnitCell& c = small.cell;
  crystal.cell = {c.a, c.b, c.c, c.alpha, c.beta, c.gamma};
  auto ops = operations_of(block, name);
  if (!ops) return tl::unexpected(ops.error());
  if (auto ok = check_metric(*ops, crystal.cell, name); !ok) return tl::unexpected(ok.error());
  const std::vector<Image> images = images_of(*ops);
  for (const auto& site : small.sites) {
    if (site.occ == 0) continue;
    auto atom = atom_of(site, crystal.cell, name);
    if (!atom) return tl::unexpected(atom.error());
    add_images(crystal, *atom, images);
    if (crystal.atoms.size() > k_max_atoms) break;
  }
  if (auto ok = validate(crystal); !ok) return tl::unexpected(ok.error());
  crystal.formula = reduced_formula(crystal);
  if (auto ok = assign_symmetry(crystal); !ok) return tl::unexpected(ok.error());
  crystal.group = fmt::format("{}|{}", crystal.formula, crystal.space_group);
  return crystal;
}

}  // namespace

Expected<Crystal> parse_cif(const std::string& text, const std::string& name) {
  // gemmi reports malformed input by exceptions; they end here.
  try {
    cif::Document document = cif::read_string(text);
    for (const cif::Block& block : document.blocks)
      if (block.find_value("_cell_length_a") && block.find_loop_item("_atom_site_fract_x"))
        return crystal_of(block, name);
    for (const cif::Block& block : document.blocks)
      if (block.find_value("_cell_length_a"))
        return fail(ErrorArea::format, "{}: no atoms (_atom_site_fract_x is missing)", name);
    return fail(ErrorArea::format, "{}: no unit cell (_cell_length_a is missing)", name);
  } catch (const std::exception& error) {
    return fail(ErrorArea::format, "{}: not a readable CIF file: {}", name, error.what());
  }
}

Expected<Crystal> load_cif(const std::filesystem::path& path) {
  std::error_code status;
  const std::uintmax_t bytes = std::filesystem::file_size(path, status);
  if (status) return fail(ErrorArea::file, "{}: cannot be opened ({})", path.string(), status.message());
  if (bytes > k_max_cif_bytes)
    return fail(ErrorArea::format, "{}: {} bytes is too large for a CIF file of one crystal", path.string(),
                bytes);
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return fail(ErrorArea::file, "{}: cannot be read", path.string());
  return parse_cif(text.str(), path.filename().string());
}

}  // namespace bragglive
