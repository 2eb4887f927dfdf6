// CIF files: symmetry expansion, occupancies, displacements, and what must be refused.
#include "core/crystal/cif.hpp"

#include "core/crystal/symmetry.hpp"
#include "tests/shared_data.hpp"

using namespace bragglive;
using Catch::Matchers::Contains;

namespace {

const std::string k_cell = R"(data_test
_cell_length_a 4.0
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
)";
const std::string k_atoms = R"(loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
)";

std::string error_of(const std::string& text) {
  const auto crystal = parse_cif(text, "test.cif");
  REQUIRE_FALSE(crystal.has_value());
  INFO(crystal.error().message);
  CHECK(crystal.error().message.find("test.cif") == 0);
  return crystal.error().message;
}

}  // namespace

TEST_CASE("the well-known crystals load with their space group and atoms") {
  if (!test::have_shared("data/cif/Au.cif")) return;
  struct Known {
    const char* file;
    int space_group;
    std::size_t atoms;
  };
  for (const Known& known :
       {Known{"Au", 225, 4}, Known{"Fe3O4_magnetite", 227, 56}, Known{"SiO2_quartz_alpha", 154, 9},
        Known{"CaCO3_calcite", 167, 30}, Known{"ZnO_wurtzite", 186, 4}, Known{"BaTiO3_tetragonal", 99, 5},
        Known{"Si", 227, 8}, Known{"TiO2_anatase", 141, 12}, Known{"ZrO2_monoclinic", 14, 12},
        Known{"LiFePO4", 62, 28}, Known{"CuO_tenorite", 15, 8}, Known{"C_graphite", 194, 4}}) {
    INFO(known.file);
    const auto crystal = load_cif(test::shared_path(std::string("data/cif/") + known.file + ".cif"));
    REQUIRE(crystal.has_value());
    CHECK(crystal->space_group == known.space_group);
    CHECK(crystal->system == crystal_system_of_space_group(known.space_group));
    CHECK(crystal->atoms.size() == known.atoms);
  }
}

TEST_CASE("without symmetry the listed atoms are the cell and the symmetry is found") {
  const auto crystal = parse_cif(
      k_cell + k_atoms + "Au1 Au 0 0 0 1\nAu2 Au 0 0.5 0.5 1\nAu3 Au 0.5 0 0.5 1\nAu4 Au 0.5 0.5 0 1\n",
      "test.cif");
  REQUIRE(crystal.has_value());
  CHECK(crystal->atoms.size() == 4);
  CHECK(crystal->space_group == 225);
  CHECK(crystal->formula == "Au");
}

TEST_CASE("symmetry by symbol, Hall symbol or number gives the same crystal") {
  for (const char* line : {"_space_group_name_H-M_alt 'F m -3 m'", "_space_group_name_Hall '-F 4 2 3'",
                           "_space_group_IT_number 225"}) {
    INFO(line);
    const auto crystal = parse_cif(k_cell + line + "\n" + k_atoms + "Au Au 0 0 0 1\n", "test.cif");
    REQUIRE(crystal.has_value());
    CHECK(crystal->atoms.size() == 4);
    CHECK(crystal->space_group == 225);
  }
}

TEST_CASE("partial and mixed occupancy") {
  const auto crystal = parse_cif(
      k_cell + "_space_group_IT_number 225\n" + k_atoms + "A Au 0 0 0 0.75\nB Cu 0 0 0 0.25\n", "test.cif");
  REQUIRE(crystal.has_value());
  CHECK(crystal->atoms.size() == 8);
  CHECK(crystal->space_group == 225);
  CHECK(crystal->formula == "CuAu3");
  const auto standard = to_standard_cell(*crystal);
  REQUIRE(standard.has_value());
  CHECK(standard->atoms.size() == 8);
  CHECK_THAT(error_of(k_cell + k_atoms + "A Au 0 0 0 0.75\nB Cu 0 0 0 0.5\n"), Contains("overlap"));
  CHECK_THAT(error_of(k_cell + k_atoms + "A Au 0 0 0 1.5\n"), Contains("occupancy 1.5"));
  CHECK_THAT(error_of(k_cell + k_atoms + "A Au 0 0 0 -0.5\n"), Contains("occupancy -0.5"));
}

TEST_CASE("anisotropic displacement turns with the symmetry operations") {
  const auto crystal = parse_cif(k_cell + R"(loop_
_symmetry_equiv_pos_as_xyz
'x,y,z'
'-y,x,z'
'-x,-y,z'
'y,-x,z'
)" + k_atoms + R"(Fe1 Fe 0.2 0.3 0.0 1
loop_
_atom_site_aniso_label
_atom_site_aniso_U_11
_atom_site_aniso_U_22
_atom_site_aniso_U_33
_atom_site_aniso_U_12
_atom_site_aniso_U_13
_atom_site_aniso_U_23
Fe1 0.01 0.02 0.03 0.001 0 0
)",
                                 "test.cif");
  REQUIRE(crystal.has_value());
  REQUIRE(crystal->atoms.size() == 4);
  REQUIRE(crystal->atoms[1].u_tensor.has_value());
  const Eigen::Matrix3d first = *crystal->atoms[0].u_tensor, turned = *crystal->atoms[1].u_tensor;
  CHECK(first(0, 0) == Approx(0.01));
  CHECK(turned(0, 0) == Approx(0.02));
  CHECK(turned(1, 1) == Approx(0.01));
  CHECK(turned(0, 1) == Approx(-0.001));
  CHECK(crystal->atoms[0].u_squared == Approx(0.02));
}

TEST_CASE("unusable files are refused with the reason") {
  CHECK_THAT(error_of("data_x\n"), Contains("no unit cell"));
  CHECK_THAT(error_of("this is no CIF"), Contains("not a readable CIF"));
  CHECK_THAT(error_of(k_cell), Contains("no atoms"));
  CHECK_THAT(error_of(k_cell + k_atoms + "X1 Xx 0 0 0 1\n"), Contains("no known element"));
  CHECK_THAT(error_of(k_cell + k_atoms + "A Au ? 0 0 1\n"), Contains("no position"));
  CHECK_THAT(error_of(k_cell + k_atoms + "A Au 0 0 0 1\nB Au 0.01 0 0 1\n"), Contains("overlap"));
  CHECK_THAT(error_of(k_cell + "_space_group_name_H-M_alt 'Q 9'\n" + k_atoms + "A Au 0 0 0 1\n"),
             Contains("unknown space group"));
  CHECK_THAT(error_of(k_cell + "_space_group_IT_number 999\n" + k_atoms + "A Au 0 0 0 1\n"),
             Contains("not a space-group number"));
  CHECK_THAT(error_of("data_x\nloop_\n_symmetry_equiv_pos_as_xyz\n'x,y,q'\n_cell_length_a 4\n"),
             Contains("test.cif"));
  std::string stretched = k_cell;
  stretched.replace(stretched.find("_b 4.0"), 6, "_b 5.0");
  CHECK_THAT(error_of(stretched + "_space_group_IT_number 225\n" + k_atoms + "A Au 0 0 0 1\n"),
             Contains("does not fit the cell"));
  std::string flat = k_cell;
  flat.replace(flat.find("gamma 90"), 8, "gamma 500");
  CHECK_THAT(error_of(flat + k_atoms + "A Au 0 0 0 1\n"), Contains("no usable unit cell"));
  CHECK_THAT(load_cif("/nowhere/none.cif").error().message, Contains("cannot be opened"));
}

TEST_CASE("a wrong cell leaves atoms that overlap after expansion") {
  CHECK_THAT(error_of(k_cell + "_space_group_IT_number 225\n" + k_atoms + "A Au 0.06 0.0 0 1\n"),
             Contains("overlap"));
}
