// What a snapshot says about one position, in words.
#pragma once
#include <QString>

#include "core/label/map_snapshot.hpp"

namespace bragglive::gui {

// "x 12, y 7": column first, as the microscope counts, zero-based.
QString position_name(ScanPosition at);
// Rich text for a tooltip: state and its reason, label, confidence, lattice, sums.
QString position_html(const MapSnapshot& map, ScanPosition at);

}  // namespace bragglive::gui
