// The map as a table: one line per scan position.
#pragma once
#include <QString>

#include "core/frame/error.hpp"
#include "core/label/map_snapshot.hpp"

namespace bragglive::gui {

// CSV: a line behind '#' that names scan, threshold and filter, a header line, then
// row,col,state,crystal_system,filtered_margin,predicted_system,confidence,difference_confidence,space_group,
// a_angstrom,b_angstrom,c_angstrom,disk_count,bright_field,dark_field. Empty fields where there is no number.
// All or nothing: a full disk leaves no half file.
Expected<void> save_table(const MapSnapshot& map, const QString& source, const QString& path);

}  // namespace bragglive::gui
