#include "core/label/map_planes.hpp"

#include <array>

namespace bragglive {
namespace {

template <auto Member>
const void* row_of(const MapRow& row) {
  return (row.*Member).data();
}
template <std::size_t Axis>
const void* lattice_row(const MapRow& row) {
  return row.lattice[Axis].data();
}

constexpr std::array<MapPlane, 20> k_planes = {{
    {"state", "", "uint8", 1, row_of<&MapRow::state>},
    {"crystal_system", "", "uint8", 1, row_of<&MapRow::system>},
    {"margin", "", "float32", 4, row_of<&MapRow::filtered_margin>},
    {"raw_crystal_system", "", "uint8", 1, row_of<&MapRow::raw_system>},
    {"confidence", "", "float32", 4, row_of<&MapRow::confidence>},
    {"difference_confidence", "", "float32", 4, row_of<&MapRow::difference_confidence>},
    {"space_group", "", "uint16", 2, row_of<&MapRow::space_group>},
    {"lattice_a", "angstrom", "float32", 4, lattice_row<0>},
    {"lattice_b", "angstrom", "float32", 4, lattice_row<1>},
    {"lattice_c", "angstrom", "float32", 4, lattice_row<2>},
    {"disk_count", "", "uint16", 2, row_of<&MapRow::disk_count>},
    {"bright_field", "counts", "float32", 4, row_of<&MapRow::bright_field>},
    {"dark_field", "counts", "float32", 4, row_of<&MapRow::dark_field>},
    {"phase", "", "uint8", 1, row_of<&MapRow::phase>},
    {"raw_phase", "", "uint8", 1, row_of<&MapRow::raw_phase>},
    {"mixed", "", "float32", 4, row_of<&MapRow::mixed>},
    {"outlier", "", "float32", 4, row_of<&MapRow::outlier>},
    {"annular_dark_field", "counts", "float32", 4, row_of<&MapRow::annular_dark_field>},
    {"com_x", "1/angstrom", "float32", 4, row_of<&MapRow::com_x>},
    {"com_y", "1/angstrom", "float32", 4, row_of<&MapRow::com_y>},
}};

}  // namespace

std::span<const MapPlane> map_planes() {
  return k_planes;
}

}  // namespace bragglive
