#include "plugin/abi/planes.hpp"

#include <array>

namespace bragglive::abi {
namespace {

template <auto Member>
const void* row_of(const MapRow& row) {
  return (row.*Member).data();
}
template <std::size_t Axis>
const void* lattice_row(const MapRow& row) {
  return row.lattice[Axis].data();
}

// In the order of the BRAGGLIVE_PLANE_ numbers.
constexpr std::array<Plane, BRAGGLIVE_PLANE_COUNT> k_planes = {{
    {"state", "", BRAGGLIVE_U8, 1, row_of<&MapRow::state>},
    {"crystal_system", "", BRAGGLIVE_U8, 1, row_of<&MapRow::system>},
    {"margin", "", BRAGGLIVE_F32, 4, row_of<&MapRow::filtered_margin>},
    {"raw_crystal_system", "", BRAGGLIVE_U8, 1, row_of<&MapRow::raw_system>},
    {"confidence", "", BRAGGLIVE_F32, 4, row_of<&MapRow::confidence>},
    {"difference_confidence", "", BRAGGLIVE_F32, 4, row_of<&MapRow::difference_confidence>},
    {"space_group", "", BRAGGLIVE_U16, 2, row_of<&MapRow::space_group>},
    {"lattice_a", "angstrom", BRAGGLIVE_F32, 4, lattice_row<0>},
    {"lattice_b", "angstrom", BRAGGLIVE_F32, 4, lattice_row<1>},
    {"lattice_c", "angstrom", BRAGGLIVE_F32, 4, lattice_row<2>},
    {"disk_count", "", BRAGGLIVE_U16, 2, row_of<&MapRow::disk_count>},
    {"bright_field", "counts", BRAGGLIVE_F32, 4, row_of<&MapRow::bright_field>},
    {"dark_field", "counts", BRAGGLIVE_F32, 4, row_of<&MapRow::dark_field>},
}};

}  // namespace

const Plane* plane(std::uint32_t number) {
  return number < k_planes.size() ? &k_planes[number] : nullptr;
}

}  // namespace bragglive::abi
